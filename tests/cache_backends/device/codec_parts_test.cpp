#include "cache_backends/device/affine_codec.h"
#include "cache_backends/device/group_ranges.h"
#include "cache_backends/fp8.h"
#include "tests/cache_backends/device/device_codecs.h"
#include "tests/cache_backends/device/test_device.h"

// What the codecs of the device are made of: ranges, places of codes, 8-bit floats.
namespace kvdiff::test {
namespace {

struct Range {
  float smallest = INFINITY, largest = -INFINITY;
  void add(float value) {  // NaN wins, of equals the first
    if (!std::isnan(smallest) && !(value >= smallest)) smallest = value;
    if (!std::isnan(largest) && !(value <= largest)) largest = value;
  }
};

void check_ranges(device::Device& device, const std::vector<float>& values, const device::GroupWalk& walk,
                  const std::vector<Range>& expected) {
  const device::Array<float> there(device, values);
  const auto found = device::extremes_of(device, {there.data(), values.size()}, walk);
  const std::vector<float> smallest = found.smallest.read(0, walk.groups), largest = found.largest.read(0, walk.groups);
  for (size_t i = 0; i < expected.size(); ++i) {
    INFO("group " << i);
    CHECK(same(smallest[i], expected[i].smallest));
    CHECK(same(largest[i], expected[i].largest));
  }
}

struct AffineCase {
  std::string codec;
  std::map<std::string, std::string> values;
  Side side;
  device::AffineSetup setup;
};

std::vector<AffineCase> affine_cases() {
  using device::AffineKind;
  std::vector<AffineCase> all;
  for (const int bits : {2, 4}) {
    const std::string text = std::to_string(bits);
    for (const int64_t group : {5, 8, 24, 64, 128}) {
      const std::string size = std::to_string(group);
      const auto add = [&](const std::string& codec, const std::map<std::string, std::string>& values, Side side, AffineKind kind,
                           AffineForm form) { all.push_back({codec, values, side, {kind, form, bits, group, false}}); };
      add("quanto", {{"bits", text}, {"group", size}, {"axis", "0"}}, Side::key, AffineKind::runs, AffineForm::shift);
      add("quanto", {{"bits", text}, {"group", size}, {"axis", "-1"}}, Side::key, AffineKind::channels, AffineForm::shift);
      add("kivi", {{"bits", text}, {"group", size}}, Side::key, AffineKind::tokens, AffineForm::minimum);
      add("kivi", {{"bits", text}, {"group", size}}, Side::value, AffineKind::heads, AffineForm::minimum);
    }
  }
  all.push_back({"int8", {{"scheme", "lmdeploy"}}, Side::key, {AffineKind::bytes, AffineForm::zero, 8, 1, false}});
  all.push_back({"int4", {{"scheme", "lmdeploy"}}, Side::key, {AffineKind::nibbles, AffineForm::zero, 4, 1, true}});
  return all;
}

}  // namespace

TEST_CASE("device: ranges of long groups are joined in the order of the values", "[device]") {
  const auto device = test_device();
  for (const int64_t length : {1, 255, 256, 257, 4096, 65536, 70001}) {
    std::vector<float> values(static_cast<size_t>(length));
    std::mt19937 random(static_cast<uint32_t>(length));
    for (const int variant : {0, 1, 2}) {  // zeros of both signs; from zero on; and one NaN
      INFO(length << " values, variant " << variant);
      for (float& value : values) value = random() % 5 == 0 ? (random() % 2 ? 0.0f : -0.0f) : variant == 1 ? bell(random) + 20.0f : 0.0f;
      if (variant == 2) values[random() % values.size()] = NAN;
      Range range;
      for (const float value : values) range.add(value);
      device::GroupWalk walk;
      walk.groups = 1;
      walk.inner = length;
      check_ranges(*device, values, walk, {range});
    }
  }
}

TEST_CASE("device: ranges of strided groups, the last shorter", "[device]") {
  const auto device = test_device();
  constexpr int64_t rows = 3, length = 700, size = 300;  // groups of 300, 300 and 100 in each row, every second value
  const std::vector<float> values = drawn({1, 1, rows, 2 * length}, Dtype::float16, 5);
  device::GroupWalk walk;
  walk.groups = rows * 3, walk.low = 3, walk.low_stride = 2 * size, walk.middle = rows, walk.middle_stride = 2 * length;
  walk.first = 1, walk.inner = size, walk.inner_stride = 2, walk.last_inner = 100;
  std::vector<Range> expected(rows * 3);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < length; ++i) expected[row * 3 + i / size].add(values[row * 2 * length + 2 * i + 1]);
  check_ranges(*device, values, walk, expected);
}

TEST_CASE("device: a code lies where the host puts it, and each place has one owner", "[device]") {
  const BlockShape shapes[] = {{1, 3, 37, 64}, {2, 2, 5, 33}, {1, 1, 1, 64}, {1, 1, 8, 8}, {1, 2, 130, 7}};
  for (const AffineCase& it : affine_cases()) {
    const auto codec = find_codec(it.codec).make({it.codec, it.values}, it.side);
    for (const BlockShape& shape : shapes) {
      INFO(it.codec << " kind " << static_cast<int>(it.setup.kind) << " bits " << it.setup.bits << " group " << it.setup.group
                    << " tokens " << shape.tokens << " D " << shape.head_size);
      const EncodedBlock block = codec->encode(drawn(shape, Dtype::float32, 9), shape, Dtype::float32);
      const std::vector<int32_t> codes = codec->codes(block);
      const device::AffineLayout layout = device::affine_layout(it.setup, shape.batch * shape.heads, shape.tokens, shape.head_size);
      REQUIRE(device::affine_bytes(layout) == static_cast<int64_t>(block.packed.size()));
      REQUIRE(device::affine_groups(layout) == static_cast<int64_t>(block.scale.size()));
      int64_t agreeing = 0, owned = 0;
      for (int64_t element = 0; element < shape.elements(); ++element) {
        const device::AffinePlace place = layout.at(element);
        const int byte = static_cast<int>(block.packed[static_cast<size_t>(place.bit / 8)]);
        const bool right = ((byte >> (place.bit % 8)) & ((1 << layout.bits) - 1)) == codes[static_cast<size_t>(element)];
        const bool back = layout.element_of(place.bit / 8, place.bit % 8 / layout.bits) == element;
        agreeing += right && back && place.group >= 0 && place.group < static_cast<int64_t>(block.scale.size()) ? 1 : 0;
      }
      CHECK(agreeing == shape.elements());
      for (int64_t byte = 0; byte < device::affine_bytes(layout); ++byte)
        for (int64_t slot = 0; slot < 8 / layout.bits; ++slot) owned += layout.element_of(byte, slot) >= 0 ? 1 : 0;
      CHECK(owned == shape.elements());  // all others are padding
    }
  }
}

TEST_CASE("device: 8-bit floats are the host's", "[device]") {
  const device::Fp8Number e4m3{false}, e5m2{true};
  int64_t wrong = 0;
  for (int code = 0; code < 256; ++code) {
    const auto byte = static_cast<uint8_t>(code);
    wrong += same(e4m3.value(byte), from_e4m3_bits(byte)) && same(e5m2.value(byte), from_e5m2_bits(byte)) ? 0 : 1;
  }
  std::mt19937 random(4);
  for (uint32_t high = 0; high < 65536; ++high)  // every exponent and sign; ties, and their neighbours
    for (const uint32_t low : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu, static_cast<uint32_t>(random() & 0xffff)}) {
      const float value = std::bit_cast<float>(high << 16 | low);
      wrong += e4m3.bits(value) == e4m3_bits(value) && e5m2.bits(value) == e5m2_bits(value) ? 0 : 1;
    }
  CHECK(wrong == 0);
}

}  // namespace kvdiff::test
