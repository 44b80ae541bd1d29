#include "cache_backends/kernels/affine.h"

namespace kvdiff {

namespace affine_scalar {
const AffineKernels& table();
}
namespace affine_avx2 {
const AffineKernels& table();
}
namespace affine_avx512 {
const AffineKernels& table();
}

const AffineKernels& affine_kernels(Simd simd) {
  switch (simd) {
    case Simd::scalar: return affine_scalar::table();
    case Simd::avx2: return affine_avx2::table();
    case Simd::avx512: return affine_avx512::table();
  }
  return affine_scalar::table();
}

}  // namespace kvdiff
