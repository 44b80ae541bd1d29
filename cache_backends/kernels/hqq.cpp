#include "cache_backends/kernels/hqq.h"

#include <cmath>

namespace kvdiff {

namespace hqq_scalar {
const HqqKernels& table();
}
namespace hqq_scalar_fma {
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
    case Simd::scalar: return supported(Simd::avx2) ? hqq_scalar_fma::table() : hqq_scalar::table();
    case Simd::avx2: return hqq_avx2::table();
    case Simd::avx512: return hqq_avx512::table();
  }
  return hqq_scalar::table();
}

float negligible_error(double weight) { return static_cast<float>(0.99 * std::pow(weight, 1 / 1.3)); }

const HqqKernels& hqq_kernels_without_fma() { return hqq_scalar::table(); }

int64_t hqq_scratch_size(const HqqMatrix& matrix) {
  if (matrix.axis == 1) return 0;
  return 4 * matrix.columns + matrix.rows * 32;
}

}  // namespace kvdiff
