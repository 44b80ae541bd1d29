#include <algorithm>
#include <bit>
#include <limits>

#include "cache_backends/device/codec.h"
#include "cache_backends/device/launch.h"
#include "cache_backends/error.h"
#include "cache_backends/kernels/simd.h"
#include "tests/cache_backends/codecs/inputs.h"
#include "tests/cache_backends/device/test_device.h"
#include "tests/cache_backends/device/watched_device.h"
#include "tests/catch.h"

// HQQ on the emulated device: host scalar = host SIMD = device, bit for bit.
namespace kvdiff::device {
namespace {

using kvdiff::test::codec_of;
using test::WatchedDevice;
using Keys = std::map<std::string, std::string>;

constexpr float infinite = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
constexpr Dtype dtypes[] = {Dtype::float16, Dtype::bfloat16, Dtype::float32};
const char* const all_bits[] = {"1", "2", "3", "4", "8"};
const char* const solvers[] = {"on", "off", "0.2.6", "0.2.8", "main", "off-0.2.6"};

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
    return std::bit_cast<uint32_t>(x) == std::bit_cast<uint32_t>(y) || (x != x && y != y);
  });
}

std::string text_of(const Keys& keys) {
  std::string text = "hqq";
  for (const auto& [key, value] : keys) text += " " + key + "=" + value;
  return text;
}

// Encoded on the host by the scalar kernels, which every SIMD level has to agree with.
EncodedBlock on_host_alone(const Codec& codec, const std::vector<float>& values, const BlockShape& shape, Dtype dtype) {
  const Simd before = active_simd();
  set_active_simd(Simd::scalar);
  const EncodedBlock block = codec.encode(values, shape, dtype);
  for (const Simd simd : {Simd::avx2, Simd::avx512}) {
    if (!supported(simd)) continue;
    set_active_simd(simd);
    const EncodedBlock other = codec.encode(values, shape, dtype);
    CHECK((other.packed == block.packed && same(other.scale, block.scale) && same(other.zero, block.zero)));
  }
  set_active_simd(before);
  return block;
}

EncodedBlock on_device_alone(const Codec& codec, Device& device, const std::vector<float>& values, const BlockShape& shape, Dtype dtype) {
  const auto there = codec.on_device();
  REQUIRE(there != nullptr);
  const Array<float> input(device, std::span<const float>(values));
  const EncodedArrays arrays = there->encode(device, input.span(), shape, dtype);
  const std::vector<uint8_t> packed = arrays.packed.read();
  std::vector<std::byte> bytes(packed.size());
  std::transform(packed.begin(), packed.end(), bytes.begin(), [](uint8_t byte) { return std::byte{byte}; });
  CHECK(arrays.shape == shape);
  CHECK(arrays.dtype == dtype);
  return {arrays.shape, arrays.dtype, bytes, arrays.scale.read(), arrays.zero.read()};
}

// One block, or many units of one token each, side by side.
struct Stored {
  std::vector<uint8_t> packed;
  std::vector<float> scale, zero;
  void add(const EncodedBlock& block) {
    for (const std::byte byte : block.packed) packed.push_back(static_cast<uint8_t>(byte));
    scale.insert(scale.end(), block.scale.begin(), block.scale.end());
    zero.insert(zero.end(), block.zero.begin(), block.zero.end());
  }
  EncodedMemory memory(const EncodedBlock& sample, bool units) const {
    const auto size = [](const auto& all) { return static_cast<int64_t>(all.size()); };
    const BlockShape& shape = sample.shape;
    return {{packed.data(), size(packed)}, {scale.data(), size(scale)}, {zero.data(), size(zero)},
            shape.batch * shape.heads, shape.tokens, shape.head_size, units ? size(sample.packed) : 0,
            units ? size(sample.scale) : 0, units ? size(sample.zero) : 0, sample.dtype};
  }
};

// [rows, tokens, head_size]
std::vector<float> read_by_format(const Codec& codec, const EncodedMemory& memory, int64_t tokens) {
  const auto format = std::get<HqqFormat>(codec.on_device()->format(memory));
  std::vector<float> out;
  for (int64_t row = 0; row < memory.rows; ++row)
    for (int64_t token = 0; token < tokens; ++token)
      for (int64_t d = 0; d < memory.head_size; ++d) out.push_back(format(row, token, d));
  return out;
}

void check_triangle(const Keys& keys, Device& device, const std::vector<float>& values, const BlockShape& shape, Dtype dtype) {
  INFO(text_of(keys) << " [" << shape.batch << ", " << shape.heads << ", " << shape.tokens << ", " << shape.head_size << "] "
                     << name_of(dtype));
  const auto codec = codec_of("hqq", keys);
  const EncodedBlock here = on_host_alone(*codec, values, shape, dtype);
  const EncodedBlock there = on_device_alone(*codec, device, values, shape, dtype);
  CHECK(there.packed == here.packed);
  CHECK(same(there.scale, here.scale));
  CHECK(same(there.zero, here.zero));
  Stored stored;
  stored.add(there);
  CHECK(same(read_by_format(*codec, stored.memory(there, false), shape.tokens), kvdiff::test::decoded(*codec, here)));
}

// Runs of one value, of tiny ones, of zeros of both signs; subnormals; values far out.
std::vector<float> troubled(const BlockShape& shape, Dtype dtype, uint32_t seed, bool finite) {
  std::vector<float> values = kvdiff::test::drawn(shape, dtype, seed);
  std::mt19937 random(seed);
  const float special[] = {0.0f, -0.0f, 6e-8f, -1e-40f, 300.0f, -3e4f, 1e-3f};
  for (size_t first = 0; first < values.size(); first += 16) {
    const auto draw = random() % 5;
    for (size_t i = first; i < std::min(first + 16, values.size()); ++i) {
      if (draw == 0) values[i] = -3.25f;
      if (draw == 1) values[i] = special[random() % 7];
      if (draw == 2) values[i] = values[i] * 1e-4f;
      if (draw == 3) values[i] = special[random() % 2];
      values[i] = round_to(dtype, values[i]);
    }
  }
  if (!finite && !values.empty()) {
    const float strange[] = {infinite, -infinite, nan};
    for (int i = 0; i < 3; ++i) values[random() % values.size()] = strange[random() % 3];
  }
  return values;
}

int64_t launches(const LaunchLog& log, KernelId id) { return log.launches[static_cast<size_t>(id)]; }

}  // namespace

TEST_CASE("hqq on the device: every variant of solver, type, axis and width", "[device][hqq]") {
  const auto device = kvdiff::test::test_device();
  const BlockShape shapes[] = {{1, 3, 37, 64}, {1, 1, 1, 128}, {2, 5, 4, 80}, {3, 2, 7, 96}, {1, 2, 9, 256}};
  const char* const groups[] = {"64", "8", "128", "32", "16"};
  uint32_t draw = 0;
  for (const char* bits : all_bits)
    for (const char* axis : {"0", "1"})
      for (const char* solver : solvers)
        for (const char* type : {"float32", "float16"}) {
          const BlockShape& shape = shapes[++draw % 5];
          const char* group = groups[draw / 5 % 5];
          if (shape.elements() % std::stoll(group) != 0) group = "16";
          const Dtype dtype = dtypes[draw % 3];
          const Keys keys = {{"bits", bits}, {"axis", axis}, {"solver", solver}, {"solver_dtype", type}, {"group", group}};
          check_triangle(keys, *device, kvdiff::test::drawn(shape, dtype, draw), shape, dtype);
          check_triangle(keys, *device, troubled(shape, dtype, draw, true), shape, dtype);
          check_triangle(keys, *device, troubled(shape, dtype, draw, false), shape, dtype);
        }
  for (const KernelId id : {KernelId::HqqRanges, KernelId::HqqErrorsFloat32, KernelId::HqqErrorsFloat16,
                            KernelId::HqqMeanErrorFloat32, KernelId::HqqMeanErrorFloat16, KernelId::HqqTermsFloat32,
                            KernelId::HqqTermsFloat16, KernelId::HqqZerosFloat32, KernelId::HqqZerosFloat16, KernelId::HqqPack,
                            KernelId::HqqStored})
    CHECK(launches(device->log(), id) > 0);
}

TEST_CASE("hqq on the device: groups of any length, down to one value and up to all levels of the sums", "[device][hqq]") {
  const auto device = kvdiff::test::test_device();
  struct Case {
    BlockShape shape;
    const char* group;
  };
  const Case cases[] = {{{1, 1, 1, 6}, "2"},     {{1, 1, 1, 6}, "6"},     {{1, 1, 1, 1}, "1"},      {{1, 1, 3, 5}, "1"},
                        {{1, 1, 7, 9}, "9"},     {{1, 3, 5, 77}, "11"},   {{1, 1, 43, 33}, "43"},   {{1, 2, 40, 100}, "100"},
                        {{1, 2, 11, 260}, "260"}, {{1, 2, 33, 270}, "540"}, {{1, 3, 33, 300}, "900"}, {{1, 5, 128, 64}, "8192"},
                        {{1, 1, 275, 64}, "17600"}};
  uint32_t draw = 0;
  for (const auto& [shape, group] : cases)
    for (const char* axis : {"0", "1"})
      for (const char* type : {"float32", "float16"}) {
        const Dtype dtype = dtypes[++draw % 3];
        const Keys keys = {{"bits", all_bits[draw % 5]}, {"axis", axis}, {"solver_dtype", type}, {"group", group}};
        check_triangle(keys, *device, kvdiff::test::drawn(shape, dtype, draw), shape, dtype);
      }
  CHECK(launches(device->log(), KernelId::CascadeRuns) > 0);
}

TEST_CASE("hqq on the device: tokens that are each encoded alone are read at their strides", "[device][hqq]") {
  const auto device = kvdiff::test::test_device();
  const int64_t tokens = 5;
  for (const char* bits : all_bits)
    for (const char* axis : {"0", "1"}) {
      const auto codec = codec_of("hqq", {{"bits", bits}, {"axis", axis}, {"group", "16"}});
      const BlockShape shape = {2, 3, 1, 80};
      Stored stored;
      std::vector<float> wanted(static_cast<size_t>(tokens * shape.elements()));
      EncodedBlock sample;
      for (int64_t token = 0; token < tokens; ++token) {
        const std::vector<float> values = kvdiff::test::drawn(shape, Dtype::float16, static_cast<uint32_t>(token));
        sample = on_device_alone(*codec, *device, values, shape, Dtype::float16);
        stored.add(sample);
        const std::vector<float> back = kvdiff::test::decoded(*codec, codec->encode(values, shape, Dtype::float16));
        for (int64_t i = 0; i < shape.elements(); ++i)
          wanted[static_cast<size_t>((i / 80 * tokens + token) * 80 + i % 80)] = back[static_cast<size_t>(i)];
      }
      CHECK(same(read_by_format(*codec, stored.memory(sample, true), tokens), wanted));
    }
}

TEST_CASE("hqq on the device: no race, and the same bits in every order of threads and blocks", "[device][hqq]") {
  for (const Turns turns : {Turns::forward, Turns::reverse, Turns::random}) {
    WatchedDevice device(turns, 5);
    for (const char* bits : {"3", "4"})
      for (const char* axis : {"0", "1"})
        for (const char* type : {"float32", "float16"}) {
          const BlockShape shape = {1, 3, 11, 72};
          const Keys keys = {{"bits", bits}, {"axis", axis}, {"solver_dtype", type}, {"group", "36"}};
          check_triangle(keys, device, troubled(shape, Dtype::float16, 9, true), shape, Dtype::float16);
        }
    const BlockShape longer = {1, 1, 130, 64};  // CascadeRuns has something to do
    check_triangle({{"solver", "0.2.6"}}, device, kvdiff::test::drawn(longer, Dtype::float32, 3), longer, Dtype::float32);
    CHECK(launches(device.log(), KernelId::CascadeRuns) > 0);
  }
}

TEST_CASE("hqq on the device: nothing comes back, and all turns of the solver are started at once", "[device][hqq]") {
  const auto device = kvdiff::test::test_device();
  const BlockShape shape = {1, 3, 40, 64};
  const Array<float> values(*device, std::span<const float>(kvdiff::test::drawn(shape, Dtype::float16, 4)));
  const auto bytes_of = [&](const char* solver) {
    const int64_t before = device->log().bytes_out;
    codec_of("hqq", {{"solver", solver}})->on_device()->encode(*device, values.span(), shape, Dtype::float16);
    return device->log().bytes_out - before;
  };
  CHECK(bytes_of("off") == 0);
  CHECK(bytes_of("on") == 0);
  CHECK(launches(device->log(), KernelId::HqqMeanErrorFloat32) == 20);
}

TEST_CASE("hqq on the device: empty blocks, groups that do not divide, and arithmetic that only a CPU has", "[device][hqq]") {
  const auto device = kvdiff::test::test_device();
  const auto codec = codec_of("hqq", {});
  const EncodedArrays empty = codec->on_device()->encode(*device, {}, {1, 2, 0, 64}, Dtype::float16);
  CHECK(empty.packed.size() + empty.scale.size() + empty.zero.size() == 0);
  CHECK_THROWS_AS(codec->on_device()->encode(*device, {}, {1, 1, 1, 80}, Dtype::float16), UserError);
  CHECK(codec_of("hqq", {{"arithmetic", "torch"}})->on_device() == nullptr);
}

}  // namespace kvdiff::device
