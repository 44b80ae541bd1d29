#pragma once
#include <cstdint>

// The inner loops of the metrics: sums over one row of pairs. Pointers and sizes only.
//
// The written order: element i goes to accumulator i mod 8, all in double; the eight are joined as
// ((a0 + a4) + (a2 + a6)) + ((a1 + a5) + (a3 + a7)). A last block that is not full is filled up with pairs of zeros.
// So the bits do not depend on the instruction set. Every value must be finite: NaN and infinity make rr or cc not finite,
// which is how the caller finds them.
namespace kvdiff {

struct PairSums {
  double reference_squared, candidate_squared, product, difference_squared, absolute_difference;
  double sign_flips;  // a count; exact in double
  double max_abs;
};

// Sums of two rows of softmax weights, each relative to its own largest element.
struct SoftmaxSums {
  double reference, candidate;  // sum of exp(x - max)
  double weighted_difference;   // sum of exp(r - max_r) x ((r - max_r) - (c - max_c))
};

struct SoftmaxPair {
  const float* reference;
  const float* candidate;
  int64_t size;
  float reference_max, candidate_max;
};

struct RowKernels {
  PairSums (*pair_sums)(const float* reference, const float* candidate, int64_t size);
  SoftmaxSums (*softmax_sums)(const SoftmaxPair& pair);
  float (*largest)(const float* values, int64_t size);  // -infinity for size 0
};

const RowKernels& row_kernels();           // by active_simd()
const RowKernels& row_kernels_baseline();  // what the compiler targets by default; the only one for Simd::scalar
const RowKernels& row_kernels_avx2();

}  // namespace kvdiff
