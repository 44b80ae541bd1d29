#pragma once
#include "cache_backends/device/kernels/reduction.cuh"
#include "cache_backends/device/kernels/row_figures.h"

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// What of a row's figures has no order.
struct PairFindings {
  double max_abs = 0;
  int64_t max_abs_index = -1;
  int64_t sign_flips = 0, not_finite = 0, not_finite_reference = 0, not_finite_candidate = 0;
  int64_t first_not_finite = -1, first_not_finite_reference = -1;

  KVDIFF_DEVICE void keep_max(double magnitude, int64_t index) {
    if (!(magnitude > max_abs) && !(magnitude == max_abs && index >= 0 && index < max_abs_index)) return;
    max_abs = magnitude;
    max_abs_index = index;
  }
  KVDIFF_DEVICE void note_broken(bool reference, bool candidate, int64_t index) {
    not_finite += 1;
    not_finite_reference += reference;
    not_finite_candidate += candidate;
    first_not_finite = lower(first_not_finite, index);
    if (reference) first_not_finite_reference = lower(first_not_finite_reference, index);
  }
  KVDIFF_DEVICE void join(const PairFindings& other) {
    keep_max(other.max_abs, other.max_abs_index);
    sign_flips += other.sign_flips;
    not_finite += other.not_finite;
    not_finite_reference += other.not_finite_reference;
    not_finite_candidate += other.not_finite_candidate;
    first_not_finite = lower(first_not_finite, other.first_not_finite);
    first_not_finite_reference = lower(first_not_finite_reference, other.first_not_finite_reference);
  }
  KVDIFF_DEVICE static int64_t lower(int64_t a, int64_t b) {  // -1: none
    if (a < 0) return b;
    return b < 0 || a < b ? a : b;
  }
};

// The figures of each row of pairs, a block per row. Its twin: measure_row and index_of_max_abs of harness/metrics/row_metrics.h.
struct ComparePairs {
  struct Arguments {
    Span<const float> reference, candidate;  // [rows, columns]
    Span<PairFigures> to;                    // [rows]
    int64_t columns;
  };
  using Sums = OrderedSums<5>;
  static constexpr const char* name = "compare_pairs";
  static constexpr int width = most_threads_of_row;
  static constexpr bool cooperates = true;
  static Geometry geometry(const Arguments& a) {
    const int64_t findings = width * static_cast<int64_t>(sizeof(PairFindings));
    return {a.to.size(), 1, threads_for(a.columns), findings > Sums::shared_bytes ? findings : Sums::shared_bytes};
  }

  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    Sums sums;
    PairFindings found;
    for (int64_t begin = 0; begin < a.columns; begin += Sums::tile) {
      const int64_t count = a.columns - begin < Sums::tile ? a.columns - begin : Sums::tile;
      thread.barrier();  // the tile before this one has been added
      for (int64_t i = thread.index(); i < count; i += thread.width()) write_terms(a, thread, begin, i, found);
      thread.barrier();
      sums.add(thread, count);
    }
    found = joined_of_block(thread, found);
    const Shared<double> total = sums.totals(thread);
    if (thread.index() == 0) a.to[thread.block()] = figures(a, thread, total, found);
  }

 private:
  KVDIFF_DEVICE static void write_terms(const Arguments& a, Thread& thread, int64_t begin, int64_t i, PairFindings& found) {
    const int64_t index = begin + i, at = thread.block() * a.columns + index;
    const float reference = a.reference[at], candidate = a.candidate[at];
    const bool reference_broken = !is_finite(reference), candidate_broken = !is_finite(candidate);
    const bool broken = reference_broken || candidate_broken;
    if (broken) found.note_broken(reference_broken, candidate_broken, index);
    const double r = broken ? 0.0 : static_cast<double>(reference), c = broken ? 0.0 : static_cast<double>(candidate);
    const double difference = r - c, product = r * c;
    const double magnitude = difference < 0.0 ? -difference : difference;
    found.keep_max(magnitude, index);
    found.sign_flips += product < 0.0;
    const Shared<double> terms = Sums::terms(thread);
    terms[i] = r * r;
    terms[Sums::stride + i] = c * c;
    terms[2 * Sums::stride + i] = product;
    terms[3 * Sums::stride + i] = difference * difference;
    terms[4 * Sums::stride + i] = magnitude;
  }

  KVDIFF_DEVICE static ValuePair pair_at(const Arguments& a, Thread& thread, int64_t index) {
    if (index < 0) return {0, 0};
    const int64_t at = thread.block() * a.columns + index;
    return {a.reference[at], a.candidate[at]};
  }

  KVDIFF_DEVICE static PairFigures figures(const Arguments& a, Thread& thread, const Shared<double>& total, const PairFindings& found) {
    return {total[0], total[1], total[2], total[3], total[4], found.max_abs, found.max_abs_index, found.sign_flips,
            found.not_finite, found.not_finite_reference, found.not_finite_candidate, found.first_not_finite,
            found.first_not_finite_reference, pair_at(a, thread, 0), pair_at(a, thread, found.first_not_finite),
            pair_at(a, thread, found.first_not_finite_reference)};
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
