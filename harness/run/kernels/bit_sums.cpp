#include "harness/run/kernels/bit_sums.h"

#include "cache_backends/kernels/simd.h"
#include "harness/run/kernels/bit_sums_impl.h"

namespace kvdiff {

BitSum bit_sum_baseline() { return sum_of_terms; }

BitSum bit_sum() { return active_simd() == Simd::scalar ? bit_sum_baseline() : bit_sum_avx2(); }

}  // namespace kvdiff
