#pragma once
#include "cache_backends/device/kernels/reduction.cuh"
#include "cache_backends/device/kernels/row_figures.h"
#include "cache_backends/kernels/portable_exponential.h"

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// Of zeros of both signs the first; which one it is can be seen in no figure of a row of several columns.
struct LargestOfRow {
  float value = -infinity();
  int64_t index = 0;

  KVDIFF_DEVICE void join(const LargestOfRow& other) {
    if (other.value > value || (other.value == value && other.index < index)) *this = other;
  }
};

struct LargestOfPair {
  LargestOfRow reference, candidate;
  KVDIFF_DEVICE void join(const LargestOfPair& other) {
    reference.join(other.reference);
    candidate.join(other.candidate);
  }
};

// Softmax of each row on both sides, a block per row; rows must be finite. Its twins: softmax_weights and softmax_sums of
// harness/metrics/kernels/row_kernels.h.
struct CompareSoftmax {
  struct Arguments {
    Span<const float> reference, candidate;  // [rows, columns]
    Span<SoftmaxFigures> to;                 // [rows]
    int64_t columns;
  };
  using Sums = OrderedSums<3>;
  static constexpr const char* name = "compare_softmax";
  static constexpr int width = most_threads_of_row;
  static constexpr bool cooperates = true;
  static Geometry geometry(const Arguments& a) {
    const int64_t largest = width * static_cast<int64_t>(sizeof(LargestOfPair));
    return {a.to.size(), 1, threads_for(a.columns), largest > Sums::shared_bytes ? largest : Sums::shared_bytes};
  }

  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    const LargestOfPair largest = joined_of_block(thread, largest_of_thread(a, thread));
    const float reference_max = largest.reference.value, candidate_max = largest.candidate.value;
    Sums sums;
    for (int64_t begin = 0; begin < a.columns; begin += Sums::tile) {
      const int64_t left = (a.columns - begin + 7) / 8 * 8, count = left < Sums::tile ? left : Sums::tile;
      thread.barrier();  // the tile before this one has been added
      for (int64_t i = thread.index(); i < count; i += thread.width())
        write_terms(a, thread, begin, i, reference_max, candidate_max);
      thread.barrier();
      sums.add(thread, count);
    }
    const Shared<double> total = sums.totals(thread);
    if (thread.index() == 0) a.to[thread.block()] = {total[0], total[1], total[2], reference_max, candidate_max};
  }

 private:
  KVDIFF_DEVICE static LargestOfPair largest_of_thread(const Arguments& a, Thread& thread) {
    LargestOfPair largest;
    const int64_t row = thread.block() * a.columns;
    for (int64_t i = thread.index(); i < a.columns; i += thread.width())
      largest.join({{a.reference[row + i], i}, {a.candidate[row + i], i}});
    return largest;
  }

  KVDIFF_DEVICE static double weight_of(double below_max) {
    double weight;
    portable::exponential_of_nonpositive<double, int64_t>(below_max, weight);
    return weight;
  }

  // The last eight are filled up with logits that weigh nothing.
  KVDIFF_DEVICE static void write_terms(const Arguments& a, Thread& thread, int64_t begin, int64_t i, float reference_max,
                                        float candidate_max) {
    constexpr float no_weight = -3.40282346638528859811704183484516925e+38f;
    const int64_t index = begin + i, at = thread.block() * a.columns + index;
    const bool filled = index < a.columns;
    const double r = static_cast<double>(filled ? a.reference[at] : no_weight) - static_cast<double>(reference_max);
    const double c = static_cast<double>(filled ? a.candidate[at] : no_weight) - static_cast<double>(candidate_max);
    const double weight = weight_of(r);
    const Shared<double> terms = Sums::terms(thread);
    terms[i] = weight;
    terms[Sums::stride + i] = weight_of(c);
    terms[2 * Sums::stride + i] = (filled ? weight : 0.0) * (r - c);
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
