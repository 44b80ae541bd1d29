#pragma once
#include "cache_backends/device/kernels/hqq_solver.cuh"

// The mean of |value - decoded| over the whole tensor, which ends HQQ's solver: one contiguous cascade over all values. Three
// kernels: HqqErrors, CascadeRuns where the tensor is long, HqqMeanError.
namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// to: rows of 32 lanes. The sums of whole runs of values, then of the run that is not whole, then the values that fill no row.
template <bool half>
struct HqqErrors : EachElement<HqqErrors<half>> {
  struct Arguments {
    HqqTensor tensor;
    HqqTurn turn;
    CascadeRows rows;  // terms: the values of the tensor
    Span<float> to;    // [rows.at(1) + 2, 32]
  };
  static constexpr const char* name = "hqq_errors";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.to.size(); }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t i) {
    if (a.turn.progress.stopped()) return;
    const int64_t row = i / 32, lane = i % 32, runs = a.rows.at(1), terms = a.rows.at(0);
    const int64_t first = row > runs ? terms : row << a.rows.power;
    const int64_t last = row > runs ? terms + 1 : row == runs ? terms : (row + 1) << a.rows.power;
    float sum = 0;
    for (int64_t term = first; term < last; ++term) {
      const int64_t element = 32 * term + lane;
      if (element < a.rows.terms) sum = sum + HqqSolver<half>::distance(a.tensor, a.turn, element);
    }
    a.to[i] = sum;
  }
};

// Joins the levels, a thread per lane, and then the lanes: sum_lanes() of hqq_sums.inc. Ends the turn.
template <bool half>
struct HqqMeanError {
  struct Arguments {
    Span<const float> runs;           // of HqqErrors
    Span<const float> second, third;  // their runs, and those runs' runs
    HqqProgress progress;
    CascadeRows rows;
  };
  static constexpr const char* name = "hqq_mean_error";
  static constexpr int width = 32;
  static constexpr bool cooperates = true;
  static Geometry geometry(const Arguments&) { return {1, 1, width, width * 4}; }

  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    if (a.progress.stopped()) return;
    Shared<float> lanes = thread.shared<float>(0, width);
    const int lane = thread.index(), power = a.rows.power;
    const float first = a.runs[32 * a.rows.at(1) + lane];
    const float second = sum(a.runs, lane, a.rows.at(2) << power, a.rows.at(1));
    const float third = sum(a.second, lane, a.rows.at(3) << power, a.rows.at(2));
    const float fourth = sum(a.third, lane, 0, a.rows.at(3));
    lanes[lane] = ((first + second) + third) + fourth;
    thread.barrier();
    if (lane > 0) return;
    a.progress.take(HqqSolver<half>::mean(a.rows.terms < 8 ? few(a) : join(a, lanes), a.rows.terms));
  }

 private:
  KVDIFF_DEVICE static float sum(const Span<const float>& from, int lane, int64_t first, int64_t last) {
    float total = 0;
    for (int64_t row = first; row < last; ++row) total = total + from[32 * row + lane];
    return total;
  }
  KVDIFF_DEVICE static float left_over(const Arguments& a, int64_t i) { return a.runs[32 * (a.rows.at(1) + 1) + i]; }
  KVDIFF_DEVICE static float join(const Arguments& a, const Shared<float>& lanes) {
    const int64_t held = a.rows.terms % 32, eights = held / 8;
    float total = 0;
    for (int64_t i = 8 * eights; i < held; ++i) total = total + left_over(a, i);
    for (int k = 0; k < 8; ++k) {
      float lane = lanes[k];
      for (int64_t i = 0; i < eights; ++i) lane = lane + left_over(a, 8 * i + k);
      total = total + (((lane + lanes[8 + k]) + lanes[16 + k]) + lanes[24 + k]);
    }
    return total;
  }
  // Fewer than eight values: four interleaved sums.
  KVDIFF_DEVICE static float few(const Arguments& a) {
    const int64_t quarter = a.rows.terms / 4;
    float total = quarter > 0 ? left_over(a, 0) : 0.0f;
    for (int64_t i = 4 * quarter; i < a.rows.terms; ++i) total = total + left_over(a, i);
    for (int64_t i = 1; i < 4 * quarter; ++i) total = total + left_over(a, i);
    return total;
  }
};

using HqqErrorsFloat32 = HqqErrors<false>;
using HqqErrorsFloat16 = HqqErrors<true>;
using HqqMeanErrorFloat32 = HqqMeanError<false>;
using HqqMeanErrorFloat16 = HqqMeanError<true>;

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
