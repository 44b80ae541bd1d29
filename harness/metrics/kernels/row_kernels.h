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

// One row of logits beside the reference's, whose weights exp(r - max_r) are known. No value may be above its max.
struct SoftmaxPair {
  const double* reference_weights;
  const float* reference;
  const float* candidate;
  int64_t size;
  float reference_max, candidate_max;
};

struct SoftmaxSums {
  double candidate;            // sum of exp(c - max_c)
  double weighted_difference;  // sum of reference weight x ((r - max_r) - (c - max_c))
};

struct RowKernels {
  PairSums (*pair_sums)(const float* reference, const float* candidate, int64_t size);
  // weights[i] = exp(values[i] - max); returns their sum. size values, size weights.
  double (*softmax_weights)(const float* values, int64_t size, float max, double* weights);
  SoftmaxSums (*softmax_sums)(const SoftmaxPair& pair);
  float (*largest)(const float* values, int64_t size);  // -infinity for size 0
};

const RowKernels& row_kernels();           // by active_simd()
const RowKernels& row_kernels_baseline();  // what the compiler targets by default; the only one for Simd::scalar
const RowKernels& row_kernels_avx2();

}  // namespace kvdiff
