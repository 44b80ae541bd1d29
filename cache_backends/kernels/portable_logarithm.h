#pragma once
#include "cache_backends/kernels/portable_exponential.h"

// log in double of harness/metrics/portable_math.h, for its files and for the kernels of the device: + - * / and bit operations
// only.
namespace kvdiff {

namespace portable {

// log(1 + f) for 1 + f in [sqrt(1/2), sqrt(2)), with s = f / (2 + f): log = 2 (s + s^3/3 + s^5/5 + ...). The first term
// is split off exactly as f - f^2/2 + s f^2/2, so that the rounding of s does not enter at full size.
KVDIFF_ALWAYS_INLINE double log_tail(double f, double s) {
  const double square = s * s;  // <= 0.0295: the term after the last one written is below 1e-18
  double sum = 2.0 / 23.0;
  for (int divisor = 21; divisor >= 3; divisor -= 2) sum = sum * square + 2.0 / divisor;
  const double half_square = 0.5 * f * f;
  return half_square - s * (half_square + sum * square);
}

KVDIFF_ALWAYS_INLINE double logarithm(double x) {
  constexpr double infinity = __builtin_bit_cast(double, int64_t{0x7ff0000000000000}), smallest_normal = 0x1p-1022;
  if (!(x > 0)) return x == 0 ? -infinity : __builtin_bit_cast(double, int64_t{0x7ff8000000000000});
  if (x == infinity) return x;
  int64_t exponent = 0;
  if (x < smallest_normal) {
    x *= 0x1p54;
    exponent = -54;
  }
  constexpr int64_t half_root = 0x3fe6a09e667f3bcd;  // bits of sqrt(1/2)
  const int64_t bits = __builtin_bit_cast(int64_t, x);
  const int64_t steps = (bits - half_root) >> 52;
  exponent += steps;
  const double f = __builtin_bit_cast(double, bits - (steps << 52)) - 1.0;
  const double k = static_cast<double>(exponent);
  const double tail = log_tail(f, f / (2.0 + f));
  constexpr double ln2_high = 0x1.62e42fefa0000p-1, ln2_low = 0x1.cf79abc9e3b3ap-40;
  return k * ln2_high - ((tail - k * ln2_low) - f);
}

}  // namespace portable

}  // namespace kvdiff
