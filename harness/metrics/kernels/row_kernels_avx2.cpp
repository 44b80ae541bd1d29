#include "harness/metrics/kernels/row_kernels_impl.h"

namespace kvdiff {

const RowKernels& row_kernels_avx2() {
  static constexpr RowKernels kernels = {pair_sums<4>, softmax_weights<4>, softmax_sums<4>, largest};
  return kernels;
}

}  // namespace kvdiff
