#include <bit>
#include <random>

#include "cache_backends/device/kernels/all.cuh"
#include "cache_backends/device/launch_table.h"
#include "cache_backends/kernels/hqq.h"
#include "tests/cache_backends/codecs/inputs.h"
#include "tests/catch.h"

namespace kvdiff::device {
namespace {

namespace host {
#include "cache_backends/kernels/hqq_sums.inc"
}

std::vector<float> drawn(size_t count) {
  std::mt19937 random(11);
  std::vector<float> values(count);
  for (float& value : values) value = kvdiff::test::uniform(random) - 0.25f;
  return values;
}

float strided(const std::vector<float>& values) {
  const size_t quarter = values.size() / 4;
  CascadeSum sums[4] = {CascadeSum(cascade_power(static_cast<int64_t>(quarter))), CascadeSum(cascade_power(static_cast<int64_t>(quarter))),
                        CascadeSum(cascade_power(static_cast<int64_t>(quarter))), CascadeSum(cascade_power(static_cast<int64_t>(quarter)))};
  for (size_t i = 0; i < 4 * quarter; ++i) sums[i % 4].add(values[i]);
  float total = sums[0].total();
  for (size_t i = 4 * quarter; i < values.size(); ++i) total = total + values[i];
  return ((total + sums[1].total()) + sums[2].total()) + sums[3].total();
}

template <class Kernel>
void start(Emulator& emulator, KernelId id, const typename Kernel::Arguments& arguments) {
  emulated_launch(id).run(emulator, Kernel::geometry(arguments), &arguments);
}

Span<float> all(std::vector<float>& values) { return {values.data(), static_cast<int64_t>(values.size())}; }
Span<const float> all(const std::vector<float>& values) { return {values.data(), static_cast<int64_t>(values.size())}; }

}  // namespace

TEST_CASE("cascade: the levels of the host's sums, with longer runs where there is more to add", "[device][hqq]") {
  for (const int64_t terms : {int64_t{0}, int64_t{1}, int64_t{16}, int64_t{1} << 19, (int64_t{1} << 19) + 1, (int64_t{1} << 27) + 1})
    CHECK(cascade_power(terms) == host::level_power(terms));
  for (const size_t count : {size_t{3}, size_t{63}, size_t{64}, size_t{1027}, size_t{16384}, size_t{70001}, (size_t{1} << 22) - 7, (size_t{1} << 21) + 70}) {
    const std::vector<float> values = drawn(count);
    CHECK(std::bit_cast<uint32_t>(strided(values)) ==
          std::bit_cast<uint32_t>(host::sum_strided(values.data(), 1, static_cast<int64_t>(count))));
  }
}

// More than 2^24 values: runs of 32 terms instead of 16.
TEST_CASE("cascade: the mean error of a tensor that is long enough for longer runs", "[device][hqq]") {
  const HqqPlaces places = {64, (int64_t{1} << 18) + 17, 0, 4};
  const CascadeRows rows = {places.elements(), cascade_power(places.elements() / 32)};
  REQUIRE(rows.power == 5);
  const std::vector<float> values = drawn(static_cast<size_t>(places.elements()));
  std::vector<float> scale(static_cast<size_t>(places.columns), 9.0f), zero(scale.size(), 2.0f), mean(1);
  const auto room = [](int64_t count) { return std::vector<float>(static_cast<size_t>(32 * count)); };
  std::vector<float> errors = room(rows.at(1) + 2), second = room(rows.at(2)), third = room(rows.at(3));
  Emulator emulator;
  const HqqTensor tensor = {all(values), places};
  const HqqTurn turn = {all(std::as_const(scale)), all(std::as_const(zero)), 15.0f, 0.1f, negligible_error(0.1)};
  start<HqqErrorsFloat32>(emulator, KernelId::HqqErrorsFloat32, {tensor, turn, rows, all(errors)});
  start<CascadeRuns>(emulator, KernelId::CascadeRuns, {all(std::as_const(errors)), all(second), rows.power});
  start<CascadeRuns>(emulator, KernelId::CascadeRuns, {all(std::as_const(second)), all(third), rows.power});
  start<HqqMeanErrorFloat32>(emulator, KernelId::HqqMeanErrorFloat32,
                             {all(std::as_const(errors)), all(std::as_const(second)), all(std::as_const(third)), all(mean), rows});
  const HqqMatrix matrix = {values.data(), places.rows, places.columns, 0};
  std::vector<float> scratch(static_cast<size_t>(hqq_scratch_size(matrix)));
  const float wanted = hqq_kernels(active_simd()).solve(
      matrix, {scale.data(), zero.data(), 15.0f, 0.1f, negligible_error(0.1), false, scratch.data()});
  CHECK(wanted > 0);
  CHECK(std::bit_cast<uint32_t>(mean[0]) == std::bit_cast<uint32_t>(wanted));
}

}  // namespace kvdiff::device
