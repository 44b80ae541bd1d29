#include <cmath>
#include <set>

#include "cache_backends/error.h"
#include "cache_backends/kernels/simd.h"
#include "tests/cache_backends/codecs/inputs.h"
#include "tests/catch.h"

namespace kvdiff::test {
namespace {

using Values = std::map<std::string, std::string>;

struct Option {
  std::string codec;
  Values values;
  std::string name() const {
    std::string text = codec;
    for (const auto& [key, value] : values) text += " " + key + "=" + value;
    return text;
  }
};

// Every choice of every key, one key at a time: a row added to the registry is covered. Then the products that matter.
std::vector<Option> options() {
  std::vector<Option> all;
  for (const CodecRow& row : codecs()) {
    if (row.make == nullptr) continue;
    const std::string name(row.name);
    const std::vector<SpecKey> keys = row.keys();
    all.push_back({name, {}});
    for (const SpecKey& key : keys)
      for (const std::string& choice : key.choices) all.push_back({name, {{key.name, choice}}});
  }
  for (const char* bits : {"1", "2", "3", "4", "8"})
    for (const char* solver : {"on", "off"})
      for (const char* group : {"16", "64"})
        all.push_back({"hqq", {{"bits", bits}, {"axis", "1"}, {"solver", solver}, {"group", group}}});
  for (const char* codec : {"int8", "int4"})
    for (const char* per : {"token-head", "token", "channel", "tensor"})
      for (const char* scheme : {"symmetric", "zero"})
        for (const char* round : {"even", "away", "truncate"})
          all.push_back({codec, {{"per", per}, {"scheme", scheme}, {"round", round}}});
  std::erase_if(all, [](const Option& option) { return option.values.contains("scale") && !option.values.contains("per"); });
  for (const char* codec : {"int8", "int4"})
    for (const char* per : {"channel", "tensor"}) all.push_back({codec, {{"per", per}, {"scale", "frozen"}}});
  for (const char* bits : {"2", "4"})
    for (const char* group : {"16", "24", "100"}) {
      all.push_back({"quanto", {{"bits", bits}, {"axis", "0"}, {"group", group}}});
      all.push_back({"quanto", {{"bits", bits}, {"axis", "-1"}, {"group", group}}});
      all.push_back({"kivi", {{"bits", bits}, {"group", group}}});
    }
  for (const char* format : {"e4m3", "e5m2"})
    for (const char* scale : {"dynamic", "frozen", "1"})
      all.push_back({"fp8", {{"format", format}, {"per", "tensor"}, {"scale", scale}}});
  return all;
}

const BlockShape shapes[] = {{1, 3, 37, 64}, {1, 1, 1, 128}, {2, 5, 4, 80}, {3, 2, 7, 96}};
const Dtype dtypes[] = {Dtype::float16, Dtype::bfloat16, Dtype::float32};

// Shapes that a format cannot hold are refused; what is refused, and how, is tested elsewhere.
bool fits(const Option& option, const BlockShape& shape) {
  const CodecRow& row = find_codec(option.codec);
  if (row.peer.starts_with("llama.cpp")) return shape.head_size % 32 == 0;
  if (option.codec != "hqq") return true;
  const auto group = option.values.find("group");
  return shape.elements() % (group == option.values.end() ? 64 : std::stoll(group->second)) == 0;
}

template <typename Check>
void for_each_case(Check check) {
  uint32_t seed = 1;
  for (const Option& option : options()) {
    const auto codec = codec_of(option.codec, option.values);
    for (const BlockShape& shape : shapes) {
      if (!fits(option, shape)) continue;
      const Dtype dtype = dtypes[seed++ % 3];
      INFO(option.name() << " tokens " << shape.tokens << " D " << shape.head_size << " " << name_of(dtype));
      check(*codec, shape, dtype, drawn(shape, dtype, seed));
    }
  }
}

}  // namespace

TEST_CASE("codec contract: the error is within the bound of the format", "[codecs][contract]") {
  int64_t cases = 0;
  for_each_case([&](const Codec& codec, const BlockShape& shape, Dtype dtype, const std::vector<float>& values) {
    const std::vector<float> back = decoded(codec, codec.encode(values, shape, dtype));
    const double bound = codec.error_bound(values, shape, dtype);
    double largest = 0;
    for (size_t i = 0; i < values.size(); ++i) largest = std::max(largest, std::fabs(double{back[i]} - values[i]));
    CHECK(std::isfinite(bound));
    CHECK(largest <= bound);
    ++cases;
  });
  CHECK(cases > 200);
}

TEST_CASE("codec contract: codes are integers of the format, and are all that is kept", "[codecs][contract]") {
  for_each_case([](const Codec& codec, const BlockShape& shape, Dtype dtype, const std::vector<float>& values) {
    const EncodedBlock block = codec.encode(values, shape, dtype);
    const std::vector<int32_t> codes = codec.codes(block);
    REQUIRE(codes.size() == values.size());
    const auto [low, high] = std::minmax_element(codes.begin(), codes.end());
    CHECK(*high - *low < codec.levels());
    if (shape.tokens > 1) CHECK(std::set<int32_t>(codes.begin(), codes.end()).size() > 1);

    const Bytes held = codec.bytes(block), expected = codec.expected_bytes(shape, dtype);
    const int64_t scales = static_cast<int64_t>(block.scale.size());
    CHECK(held.codes == static_cast<int64_t>(block.packed.size()));
    CHECK(held.codes == expected.codes);
    CHECK(held.scales == expected.scales);
    CHECK(held.zeros == expected.zeros);
    CHECK(held.residual == 0);
    CHECK((held.scales == 4 * scales || held.scales == 2 * scales));
    CHECK(held.zeros * scales == held.scales * static_cast<int64_t>(block.zero.size()));
    // No room for floats: ten 3-bit codes take 32 bits, 64 rows are padded to 70, and a row of 64 words may be padding.
    const double bits = std::log2(static_cast<double>(codec.levels()));
    CHECK(static_cast<double>(held.codes) * 8 <= 1.17 * bits * static_cast<double>(values.size()) + 64 * 32);
  });
}

TEST_CASE("codec contract: any range decodes as the whole does", "[codecs][contract]") {
  std::mt19937 random(7);
  for_each_case([&](const Codec& codec, const BlockShape& shape, Dtype dtype, const std::vector<float>& values) {
    const EncodedBlock block = codec.encode(values, shape, dtype);
    const std::vector<float> whole = decoded(codec, block);
    for (int draw = 0; draw < 8; ++draw) {
      const int64_t first = static_cast<int64_t>(random() % values.size());
      const int64_t count = static_cast<int64_t>(random() % (values.size() - static_cast<size_t>(first) + 1));
      std::vector<float> part(static_cast<size_t>(count));
      codec.decode(block, first, part);
      CHECK(std::equal(part.begin(), part.end(), whole.begin() + first));
    }
  });
}

TEST_CASE("codec contract: decoded values are values of the type, the same each time", "[codecs][contract]") {
  for_each_case([](const Codec& codec, const BlockShape& shape, Dtype dtype, const std::vector<float>& values) {
    const EncodedBlock once = codec.encode(values, shape, dtype), again = codec.encode(values, shape, dtype);
    CHECK(once.packed == again.packed);
    CHECK(once.scale == again.scale);
    CHECK(once.zero == again.zero);
    for (const float value : decoded(codec, once)) REQUIRE(round_to(dtype, value) == value);
  });
}

TEST_CASE("codec contract: every SIMD level gives the same bits", "[codecs][contract]") {
  const Simd before = active_simd();
  for_each_case([](const Codec& codec, const BlockShape& shape, Dtype dtype, const std::vector<float>& values) {
    set_active_simd(Simd::scalar);
    const EncodedBlock reference = codec.encode(values, shape, dtype);
    const std::vector<float> back = decoded(codec, reference);
    for (const Simd simd : {Simd::avx2, Simd::avx512}) {
      if (!supported(simd)) continue;
      set_active_simd(simd);
      const EncodedBlock block = codec.encode(values, shape, dtype);
      CHECK(block.packed == reference.packed);
      CHECK(block.scale == reference.scale);
      CHECK(block.zero == reference.zero);
      CHECK(decoded(codec, block) == back);
    }
  });
  set_active_simd(before);
}

TEST_CASE("codec contract: an empty block is a block", "[codecs][contract]") {
  for (const Option& option : options()) {
    INFO(option.name());
    const BlockShape shape = {1, 2, 0, 64};
    const auto codec = codec_of(option.codec, option.values);
    const EncodedBlock block = codec->encode({}, shape, Dtype::float16);
    CHECK(block.packed.empty());
    CHECK(codec->codes(block).empty());
    CHECK(decoded(*codec, block).empty());
  }
}

}  // namespace kvdiff::test
