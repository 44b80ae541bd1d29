#include "harness/run/bit_digest.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "cache_backends/kernels/simd.h"
#include "harness/run/kernels/bit_sums.h"
#include "tests/cache_backends/device/test_device.h"
#include "tests/catch.h"
#include "tests/harness/metrics/observations.h"

namespace kvdiff {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();

uint64_t digest(std::span<const float> values) {
  FloatHash hash;
  hash.add(values);
  return hash.value();
}

std::vector<float> drawn(int64_t size) {
  std::vector<float> values = test::tensor(size, 3);
  const float specials[] = {nan, -nan, inf, -inf, 0.0f, -0.0f, 1e-42f};
  for (size_t i = 0; i < values.size(); i += 5) values[i] = specials[i / 5 % std::size(specials)];
  return values;
}

// Two halves of a digest are numbers of 32 bits: as many agree by chance as random ones would.
size_t repeats(std::vector<uint32_t> values) {
  std::sort(values.begin(), values.end());
  return values.size() - static_cast<size_t>(std::unique(values.begin(), values.end()) - values.begin());
}

void check_as_random(const std::vector<uint64_t>& digests) {
  std::vector<uint32_t> low, high;
  for (const uint64_t one : digests) {
    low.push_back(static_cast<uint32_t>(one));
    high.push_back(static_cast<uint32_t>(one >> 32));
  }
  CHECK(std::set<uint64_t>(digests.begin(), digests.end()).size() == digests.size());
  const double pairs = static_cast<double>(digests.size()) * static_cast<double>(digests.size()) / 2;
  const double expected = pairs * 0x1p-32, most = expected + 6 * std::sqrt(expected) + 2;
  CHECK(static_cast<double>(repeats(low)) < most);
  CHECK(static_cast<double>(repeats(high)) < most);
}

}  // namespace

TEST_CASE("digest: the same however the series is cut, at any instruction set", "[digest]") {
  for (const int64_t size : {1, 2, 3, 7, 8, 9, 255, 1000, 4097}) {
    const std::vector<float> values = drawn(size);
    FloatHash whole, pieces;
    whole.add(values);
    for (size_t begin = 0, length = 1; begin < values.size(); begin += length, length = length * 2 + 1)
      pieces.add(std::span(values).subspan(begin, std::min(length, values.size() - begin)));
    CHECK(whole.value() == pieces.value());
    if (supported(Simd::avx2)) CHECK(bit_sum_avx2()(values.data(), size, 12345) == bit_sum_baseline()(values.data(), size, 12345));
  }
}

TEST_CASE("digest: on a device as on the host, and through forks and changes of place", "[digest][device]") {
  const auto device = test::test_device();
  for (const int64_t size : {1, 2, 7, 255, 256, 257, 2047, 2048, 2049, 49152}) {
    const std::vector<float> values = drawn(size), more = test::tensor(77, 9);
    const device::Array<float> there(*device, values), more_there(*device, more);
    FloatHash on_host, on_device, mixed_up;
    on_host.add(values);
    on_host.add(more);
    on_device.add(*device, there.span());
    const FloatHash before = on_device;
    FloatHash fork = on_device;
    on_device.add(*device, more_there.span());
    fork.add(*device, more_there.span());
    mixed_up.add(*device, there.span());
    mixed_up.add(more);
    INFO("size " << size);
    CHECK(on_device.value() == on_host.value());
    CHECK(fork.value() == on_host.value());
    CHECK(mixed_up.value() == on_host.value());
    CHECK(before.value() == digest(values));
    CHECK(before.value() != on_host.value());
  }
}

TEST_CASE("digest: any NaN is one, zeros of both signs are two, length and order count", "[digest]") {
  CHECK(digest(std::vector<float>{1, nan}) == digest(std::vector<float>{1, -nan}));
  CHECK(digest(std::vector<float>{0.0f}) != digest(std::vector<float>{-0.0f}));
  CHECK(digest(std::vector<float>{0, 0}) != digest(std::vector<float>{0}));
  CHECK(digest({}) != digest(std::vector<float>{0}));
  CHECK(digest(std::vector<float>{1, 2}) != digest(std::vector<float>{2, 1}));
  FloatHash a, b;
  a.add(std::vector<float>{1});
  b.add(std::vector<float>{2});
  CHECK(hex_of_layers({a, b}) != hex_of_layers({b, a}));
  CHECK(hex_of_layers({a}) != hex_of_layers({a, a}));
}

TEST_CASE("digest: golden bits", "[digest][golden]") {
  std::vector<float> values;
  for (int i = 0; i < 1000; ++i) values.push_back(static_cast<float>(i) / 8 - 20);
  CHECK(hex(digest(values)) == "a71ea7bea16decfd");
}

// The changes that caches make are alike: signs, single bits, swapped neighbours, the same change in two places.
TEST_CASE("digest: series that differ by a pattern have digests like random numbers", "[digest]") {
  const std::vector<float> base = test::tensor(600, 1);
  std::vector<uint64_t> bits, pairs, swaps;
  const auto flipped = [](float value, uint32_t mask) { return std::bit_cast<float>(std::bit_cast<uint32_t>(value) ^ mask); };
  for (size_t i = 0; i < base.size(); ++i) {
    std::vector<float> values = base;
    for (uint32_t bit = 0; bit < 23; ++bit) {
      values[i] = flipped(base[i], 1u << bit);
      bits.push_back(digest(values));
    }
    values[i] = -base[i];
    for (size_t j = i + 1; j < base.size(); j += 3) {
      values[j] = -base[j];
      pairs.push_back(digest(values));
      values[j] = base[j];
      std::swap(values[i], values[j]);
      swaps.push_back(digest(values));
      std::swap(values[i], values[j]);
    }
  }
  check_as_random(bits);
  check_as_random(pairs);
  check_as_random(swaps);
}

}  // namespace kvdiff
