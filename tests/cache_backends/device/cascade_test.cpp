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

template <class T>
std::vector<float> room(T count) {
  return std::vector<float>(static_cast<size_t>(count));
}

constexpr float first_scale = 9.0f, first_zero = 2.0f, weight = 0.1f, largest = 15.0f;

template <class Errors, class MeanError>
float mean_error(const HqqPlaces& places, bool half) {
  const CascadeRows rows = {places.elements(), cascade_power(places.elements() / 32)};
  const std::vector<float> values = drawn(static_cast<size_t>(places.elements()));
  const std::vector<float> scale(static_cast<size_t>(places.columns), first_scale), zero(scale.size(), first_zero);
  std::vector<float> errors = room(32 * (rows.at(1) + 2)), second = room(32 * rows.at(2)), third = room(32 * rows.at(3));
  std::vector<HqqState> state(1);
  const HqqProgress progress = {{state.data(), 1}, std::numeric_limits<float>::infinity()};
  const HqqTensor tensor = {all(values), places};
  const HqqTurn turn = {all(scale), all(zero), largest, weight, negligible_error(0.1), progress};
  Emulator emulator;
  start<Errors>(emulator, half ? KernelId::HqqErrorsFloat16 : KernelId::HqqErrorsFloat32, {tensor, turn, rows, all(errors)});
  if (!second.empty()) start<CascadeRuns>(emulator, KernelId::CascadeRuns, {all(std::as_const(errors)), all(second), rows.power});
  if (!third.empty()) start<CascadeRuns>(emulator, KernelId::CascadeRuns, {all(std::as_const(second)), all(third), rows.power});
  start<MeanError>(emulator, half ? KernelId::HqqMeanErrorFloat16 : KernelId::HqqMeanErrorFloat32,
                   {all(std::as_const(errors)), all(std::as_const(second)), all(std::as_const(third)), progress, rows});
  return state[0].best;
}

float host_mean_error(const HqqPlaces& places, bool half) {
  std::vector<float> values = drawn(static_cast<size_t>(places.elements()));
  if (half)
    for (float& value : values) value = round_to(Dtype::float16, value);
  const std::vector<float> scale(static_cast<size_t>(places.columns), first_scale);
  std::vector<float> zero(scale.size(), first_zero);
  const HqqMatrix matrix = {values.data(), places.rows, places.columns, 0};
  std::vector<float> scratch(static_cast<size_t>(hqq_scratch_size(matrix)));
  return hqq_kernels(active_simd()).solve(matrix, {scale.data(), zero.data(), largest, weight, negligible_error(0.1), half, scratch.data()});
}

bool same(float a, float b) { return a > 0 && std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b); }

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

// Small tensors: each way to end a sum. The last one has more than 2^24 values: runs of 32 terms instead of 16, and something
// left over at every level.
TEST_CASE("cascade: the mean error of tensors from two values to seventeen million", "[device][hqq]") {
  const std::pair<int64_t, int64_t> matrices[] = {{2, 1}, {5, 1}, {2, 3}, {3, 3}, {7, 9}, {12, 5}, {16, 33}, {21, 43}, {63, 9001}, {63, 267895}};
  for (const auto& [rows, columns] : matrices) {
    INFO(rows << " x " << columns);
    const HqqPlaces places = {rows, columns, 0, 4};
    if (columns == 267895) CHECK(cascade_power(places.elements() / 32) == 5);
    CHECK(same(mean_error<HqqErrorsFloat32, HqqMeanErrorFloat32>(places, false), host_mean_error(places, false)));
    if (columns < 1000) CHECK(same(mean_error<HqqErrorsFloat16, HqqMeanErrorFloat16>(places, true), host_mean_error(places, true)));
  }
  // All four levels hold something; a slip in their order shows in some sizes and is rounded away in others.
  for (int64_t columns = 2250; columns < 2262; ++columns)
    CHECK(same(mean_error<HqqErrorsFloat32, HqqMeanErrorFloat32>({63, columns, 0, 4}, false), host_mean_error({63, columns, 0, 4}, false)));
}

}  // namespace kvdiff::device
