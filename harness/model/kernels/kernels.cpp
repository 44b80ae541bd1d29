#include "harness/model/kernels/kernels.h"

namespace kvdiff {

const Kernels& kernels(Simd simd) {
  switch (simd) {
    case Simd::avx512: return avx512_kernels;
    case Simd::avx2: return avx2_kernels;
    case Simd::scalar: break;
  }
  return supported(Simd::avx2) ? scalar_fma_kernels : scalar_kernels;
}

}  // namespace kvdiff
