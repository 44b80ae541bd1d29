#include <bit>
#include <limits>

#include "cache_backends/device/launch.h"
#include "cache_backends/rotation.h"
#include "tests/cache_backends/codecs/inputs.h"
#include "tests/cache_backends/device/test_device.h"
#include "tests/cache_backends/device/watched_device.h"
#include "tests/catch.h"

namespace kvdiff::device {
namespace {

using test::WatchedDevice;

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
    return std::bit_cast<uint32_t>(x) == std::bit_cast<uint32_t>(y) || (x != x && y != y);
  });
}

std::vector<float> inputs(int64_t head_size, int64_t rows, Dtype dtype) {
  std::vector<float> values = kvdiff::test::drawn({1, 1, rows, head_size}, dtype, 8);
  const float special[] = {0.0f, -0.0f, 6e-8f, 65504.0f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()};
  for (size_t i = 0; i < 6 && rows > 3; ++i) values[i * values.size() / 6] = special[i];
  return values;
}

std::vector<float> in_place(Device& device, const std::vector<float>& values, int64_t block) {
  const Array<float> array(device, std::span<const float>(values));
  launch<Rotate>(device, {constant(array), span(array), block, rotation_weight(block), Dtype::float32});
  return array.read();
}

std::vector<float> apart(Device& device, const std::vector<float>& values, int64_t block, Dtype dtype) {
  const Array<float> from(device, std::span<const float>(values)), to(device, from.size());
  launch<Rotate>(device, {constant(from), span(to), block, rotation_weight(block), dtype});
  CHECK(same(from.read(), values));
  return to.read();
}

}  // namespace

TEST_CASE("rotation on the device: the host's bits, in place and rounded", "[device][rotation]") {
  const auto device = kvdiff::test::test_device();
  for (const int64_t head_size : {64, 128, 192, 256, 512, 2048})
    for (const int64_t rows : {1, 3, 37})
      for (const Side side : {Side::key, Side::value})
        for (const Dtype dtype : {Dtype::float16, Dtype::bfloat16, Dtype::float32}) {
          const int64_t block = rotation_block(side, head_size);
          const std::vector<float> values = inputs(head_size, rows, dtype);
          std::vector<float> wanted = values;
          rotate(wanted, block);
          CHECK(same(in_place(*device, values, block), wanted));
          CHECK(same(apart(*device, values, block, dtype), rotated(values, block, dtype)));
        }
}

TEST_CASE("rotation on the device: no race, and the same bits in every order of threads and blocks", "[device][rotation]") {
  const std::vector<float> values = inputs(192, 17, Dtype::float16);
  std::vector<float> wanted = values;
  rotate(wanted, 64);
  for (const Turns turns : {Turns::forward, Turns::reverse, Turns::random}) {
    WatchedDevice device(turns, 3);
    CHECK(same(in_place(device, values, 64), wanted));
    CHECK(same(apart(device, values, 64, Dtype::bfloat16), rotated(values, 64, Dtype::bfloat16)));
  }
}

}  // namespace kvdiff::device
