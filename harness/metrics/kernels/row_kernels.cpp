#include "harness/metrics/kernels/row_kernels.h"

#include "cache_backends/kernels/simd.h"
#include "harness/metrics/kernels/row_kernels_impl.h"

namespace kvdiff {

const RowKernels& row_kernels_baseline() {
  static constexpr RowKernels kernels = {pair_sums<2>, softmax_weights<2>, softmax_sums<2>, largest};
  return kernels;
}

const RowKernels& row_kernels() { return active_simd() == Simd::scalar ? row_kernels_baseline() : row_kernels_avx2(); }

}  // namespace kvdiff
