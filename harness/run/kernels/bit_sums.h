#pragma once
#include <cstdint>

namespace kvdiff {

// The sum of the digest terms (cache_backends/kernels/bit_mixing.h) of count floats, the first of which has the index `first`,
// modulo 2^64: whole numbers, so no order is written.
using BitSum = uint64_t (*)(const float* values, int64_t count, uint64_t first);

BitSum bit_sum();           // by active_simd()
BitSum bit_sum_baseline();
BitSum bit_sum_avx2();

}  // namespace kvdiff
