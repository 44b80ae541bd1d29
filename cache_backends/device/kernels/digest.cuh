#pragma once
#include "cache_backends/device/kernels/number.cuh"
#include "cache_backends/kernels/bit_mixing.h"

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// total += the digest terms of the values, the first of which has the index `first`. Its twin: sum_of_terms of
// harness/run/kernels/bit_sums_impl.h. Whole numbers modulo 2^64: atomic additions in any order give the same sum.
struct DigestBits {
  struct Arguments {
    Span<const float> values;
    Span<uint64_t> total;  // [1]
    uint64_t first;
  };
  static constexpr const char* name = "digest_bits";
  static constexpr int width = 256;
  static constexpr bool cooperates = false;
  static constexpr int64_t each = 8;  // values of a thread
  static Geometry geometry(const Arguments& a) { return {blocks_for(a.values.size(), width * each), 1, width, 0}; }

  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    const int64_t begin = thread.block() * width * each + thread.index();
    uint64_t sum = 0;
    for (int64_t k = 0; k < each; ++k) {
      const int64_t i = begin + k * width;
      if (i < a.values.size()) sum += digest_term(a.first + static_cast<uint64_t>(i), canonical_bits(bits_of(a.values[i])));
    }
    if (begin < a.values.size()) thread.atomic_add(a.total, 0, sum);
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
