#pragma once
#include "cache_backends/device/kernels/hqq_solver.cuh"

// The other half of a turn: each group's new zero, the mean of its terms. HqqTerms adds up what the order of the sums leaves
// independent, HqqZeros joins it, a thread per group.
namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// How the terms of a group are summed.
//   axis 1: contiguously, in 32 lanes. partial [groups, 8]: lane k and the lanes 8, 16 and 24 behind it.
//   axis 0: over rows. partial [runs + 1, plain]: each run of rows, then the run that is not whole. Columns behind `plain` are
//   summed as four interleaved cascades (plain_columns() of hqq_solver.inc).
struct HqqGroupSums {
  int power, strided_power;
  int64_t plain;  // 0 for axis 1
  KVDIFF_SHARED_CODE int64_t runs(const HqqPlaces& places) const { return places.rows >> power; }
  KVDIFF_SHARED_CODE int64_t partials(const HqqPlaces& places) const {
    return places.axis == 1 ? 8 * places.rows : (runs(places) + 1) * plain;
  }
};
inline HqqGroupSums hqq_group_sums(const HqqPlaces& p) {
  if (p.axis == 1) return {cascade_power(p.columns / 32), cascade_power(1), 0};
  return {cascade_power(p.rows), cascade_power(p.rows / 4), p.columns >= 8 ? p.columns / 32 * 32 : p.columns / 4 * 4};
}

template <bool half>
struct HqqTerms : EachElement<HqqTerms<half>> {
  struct Arguments {
    HqqTensor tensor;
    HqqTurn turn;
    HqqGroupSums sums;
    Span<float> partial;
  };
  static constexpr const char* name = "hqq_terms";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.partial.size(); }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t i) {
    if (a.turn.progress.stopped()) return;
    a.partial[i] = a.tensor.places.axis == 1 ? four_lanes(a, i / 8, static_cast<int>(i % 8))
                                             : run_of_rows(a, i / a.sums.plain, i % a.sums.plain);
  }

 private:
  KVDIFF_DEVICE static float four_lanes(const Arguments& a, int64_t group, int k) {
    const int64_t count = a.tensor.places.columns, first = group * count + k, eights = count % 32 / 8;
    float sum = lane(a, first);
    for (int64_t i = 0; i < eights; ++i) sum = sum + HqqSolver<half>::term(a.tensor, a.turn, first + count / 32 * 32 + 8 * i);
    for (int next = 8; next < 32; next += 8) sum = sum + lane(a, first + next);
    return sum;
  }
  KVDIFF_DEVICE static float lane(const Arguments& a, int64_t first) {
    CascadeSum sum(a.sums.power);
    for (int64_t i = 0; i < a.tensor.places.columns / 32; ++i) sum.add(HqqSolver<half>::term(a.tensor, a.turn, first + 32 * i));
    return sum.total();
  }
  KVDIFF_DEVICE static float run_of_rows(const Arguments& a, int64_t run, int64_t column) {
    const int64_t rows = a.tensor.places.rows, end = (run + 1) << a.sums.power;
    float sum = 0;
    for (int64_t row = run << a.sums.power; row < rows && row < end; ++row)
      sum = sum + HqqSolver<half>::term(a.tensor, a.turn, row * a.tensor.places.columns + column);
    return sum;
  }
};

template <bool half>
struct HqqZeros : EachElement<HqqZeros<half>> {
  struct Arguments {
    HqqTensor tensor;
    HqqTurn turn;
    HqqGroupSums sums;
    Span<const float> partial;
    Span<float> zero;  // turn.zero: a group's own thread alone reads it here, before it writes it
  };
  static constexpr const char* name = "hqq_zeros";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.zero.size(); }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t group) {
    if (a.turn.progress.stopped()) return;
    const HqqPlaces& p = a.tensor.places;
    float sum = 0;
    if (p.axis == 1) sum = p.columns < 8 ? strided(a, group * p.columns, 1, p.columns) : contiguous(a, group);
    else sum = group < a.sums.plain ? column(a, group) : strided(a, group, p.columns, p.rows);
    a.zero[group] = HqqSolver<half>::mean(sum, p.axis == 1 ? p.columns : p.rows);
  }

 private:
  KVDIFF_DEVICE static float term(const Arguments& a, int64_t element) { return HqqSolver<half>::term(a.tensor, a.turn, element); }
  KVDIFF_DEVICE static float contiguous(const Arguments& a, int64_t group) {
    const int64_t count = a.tensor.places.columns;
    float sum = 0;
    for (int64_t i = count / 8 * 8; i < count; ++i) sum = sum + term(a, group * count + i);
    for (int k = 0; k < 8; ++k) sum = sum + a.partial[8 * group + k];
    return sum;
  }
  KVDIFF_DEVICE static float column(const Arguments& a, int64_t group) {
    const int64_t runs = a.sums.runs(a.tensor.places);
    CascadeSum sum(a.sums.power);
    for (int64_t run = 0; run < runs; ++run) sum.add_run(a.partial[run * a.sums.plain + group]);
    sum.run = a.partial[runs * a.sums.plain + group];
    return sum.total();
  }
  // sum_strided() of hqq_sums.inc.
  KVDIFF_DEVICE static float strided(const Arguments& a, int64_t first, int64_t stride, int64_t count) {
    const int64_t quarter = count / 4;
    float total = cascade(a, first, 4 * stride, quarter);
    for (int64_t i = 4 * quarter; i < count; ++i) total = total + term(a, first + i * stride);
    for (int k = 1; k < 4; ++k) total = total + cascade(a, first + k * stride, 4 * stride, quarter);
    return total;
  }
  KVDIFF_DEVICE static float cascade(const Arguments& a, int64_t first, int64_t stride, int64_t count) {
    CascadeSum sum(a.sums.strided_power);
    for (int64_t i = 0; i < count; ++i) sum.add(term(a, first + i * stride));
    return sum.total();
  }
};

using HqqTermsFloat32 = HqqTerms<false>;
using HqqTermsFloat16 = HqqTerms<true>;
using HqqZerosFloat32 = HqqZeros<false>;
using HqqZerosFloat16 = HqqZeros<true>;

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
