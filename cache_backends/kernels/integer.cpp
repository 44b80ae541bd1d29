#include "cache_backends/kernels/integer.h"

namespace kvdiff {

namespace integer_scalar {
const IntegerKernels& table();
}
namespace integer_avx2 {
const IntegerKernels& table();
}
namespace integer_avx512 {
const IntegerKernels& table();
}

const IntegerKernels& integer_kernels(Simd simd) {
  switch (simd) {
    case Simd::scalar: return integer_scalar::table();
    case Simd::avx2: return integer_avx2::table();
    case Simd::avx512: return integer_avx512::table();
  }
  return integer_scalar::table();
}

}  // namespace kvdiff
