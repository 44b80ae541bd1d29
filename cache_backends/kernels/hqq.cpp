#include "cache_backends/kernels/hqq.h"

namespace kvdiff {

namespace hqq_scalar {
const HqqKernels& table();
}
namespace hqq_avx2 {
const HqqKernels& table();
}
namespace hqq_avx512 {
const HqqKernels& table();
}

const HqqKernels& hqq_kernels(Simd simd) {
  switch (simd) {
    case Simd::scalar: return hqq_scalar::table();
    case Simd::avx2: return hqq_avx2::table();
    case Simd::avx512: return hqq_avx512::table();
  }
  return hqq_scalar::table();
}

int64_t hqq_scratch_size(const HqqMatrix& matrix) {
  if (matrix.axis == 1) return 0;
  return 4 * matrix.columns + matrix.rows * 32;
}

}  // namespace kvdiff
