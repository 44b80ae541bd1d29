#include "cache_backends/kernels/simd.h"
#include "tests/cache_backends/device/device_codecs.h"
#include "tests/cache_backends/device/test_device.h"

// Codecs of the device over settings, sizes and values that are drawn.
namespace kvdiff::test {
namespace {

template <typename T, size_t count>
const T& one_of(std::mt19937& random, const T (&all)[count]) { return all[random() % count]; }

std::map<std::string, std::string> settings(const CodecRow& row, std::mt19937& random) {
  std::map<std::string, std::string> values;
  for (const SpecKey& key : row.keys()) {
    if (random() % 3 == 0) continue;
    values[key.name] = key.choices.empty() ? std::to_string(8 + random() % 121) : key.choices[random() % key.choices.size()];
  }
  return values;
}

// Null for settings that do not go together.
std::unique_ptr<Codec> drawn_codec(const CodecRow& row, std::mt19937& random, std::string& text) {
  const auto values = settings(row, random);
  const Side side = random() % 2 ? Side::key : Side::value;
  text = std::string(row.name) + (side == Side::key ? " key" : " value");
  for (const auto& [key, value] : values) text += " " + key + "=" + value;
  try {
    return row.make({std::string(row.name), values}, side);
  } catch (const UserError&) {
    return nullptr;
  }
}

bool refuses(const Codec& codec, std::span<const float> values, const BlockShape& shape, Dtype dtype) {
  try {
    codec.encode(values, shape, dtype);
    return false;
  } catch (const UserError&) {
    return true;
  }
}

BlockShape drawn_shape(std::mt19937& random, bool whole_blocks) {
  const int64_t usual[] = {64, 80, 96, 128, 256}, odd[] = {1, 7, 33, 70};
  const int64_t blocks[] = {32, 64, 96, 128, 256};
  const int64_t size = whole_blocks ? one_of(random, blocks) : random() % 4 ? one_of(random, usual) : one_of(random, odd);
  const auto up_to = [&](uint32_t most) { return static_cast<int64_t>(1 + random() % most); };
  return {up_to(2), up_to(3), random() % 3 ? up_to(40) : 1, size};
}

}  // namespace

TEST_CASE("device codecs: drawn settings, sizes and values", "[device]") {
  const auto device = test_device();
  const Simd before = active_simd();
  std::mt19937 random(20);
  for (const CodecRow& row : codecs()) {
    if (row.make == nullptr) continue;
    const int draws = row.keys().empty() ? 24 : row.name == "hqq" ? 200 : 60;  // most groups that are drawn divide no block
    int tried = 0;
    for (int draw = 0; draw < draws; ++draw) {
      std::string text;
      const auto codec = drawn_codec(row, random, text);
      const BlockShape shape = drawn_shape(random, row.peer.starts_with("llama.cpp"));
      const Dtype dtype = one_of(random, {Dtype::float16, Dtype::bfloat16, Dtype::float32});
      const Kind kind = one_of(random, kinds);
      if (!codec || !codec->on_device()) continue;  // hqq with arithmetic=torch has no twin
      INFO(text << " [" << shape.batch << ", " << shape.heads << ", " << shape.tokens << ", " << shape.head_size << "] "
                << name_of(dtype) << " kind " << static_cast<int>(kind));
      const std::vector<float> values = drawn_as(kind, shape, dtype, static_cast<uint32_t>(draw));
      if (row.name == "hqq" && refuses(*codec, values, shape, dtype)) continue;  // groups that do not divide the block
      const auto twin = codec->on_device();
      set_active_simd(draw % 2 ? before : Simd::scalar);
      CHECK(difference(*device, *codec, *twin, values, shape, dtype) == "");
      if (!codec->shares_scale()) CHECK(difference_of_units(*device, *codec, *twin, values, shape, dtype) == "");
      ++tried;
    }
    CHECK(tried >= 20);
  }
  set_active_simd(before);
}

}  // namespace kvdiff::test
