#pragma once
#include <cstdint>

#include "cache_backends/kernels/bit_mixing.h"
#include "harness/run/kernels/bit_sums.h"

// One source, compiled once per instruction set; the compiler finds the vectors.
namespace kvdiff {
namespace {

uint64_t sum_of_terms(const float* values, int64_t count, uint64_t first) {
  uint64_t sum = 0;
  for (int64_t i = 0; i < count; ++i)
    sum += digest_term(first + static_cast<uint64_t>(i), canonical_bits(__builtin_bit_cast(uint32_t, values[i])));
  return sum;
}

}  // namespace
}  // namespace kvdiff
