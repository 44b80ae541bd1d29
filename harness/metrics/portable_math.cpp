#include "harness/metrics/portable_math.h"

#include "cache_backends/kernels/portable_logarithm.h"

namespace kvdiff {

double portable_exp(double x) {
  if (x < portable::smallest_exponent) return 0;
  const double bounded = x > 710.0 ? 710.0 : x;
  portable::Reduced<double> reduced;
  double sum;
  portable::reduce(bounded, reduced);
  portable::taylor(reduced.r, sum);
  // 2^(k - 1) from its bits, then twice: 2^1024 itself has no bits.
  const int64_t power = (__builtin_bit_cast(int64_t, reduced.shifted) + 1022) << 52;
  return sum * __builtin_bit_cast(double, power) * 2.0;
}

double portable_log(double x) { return portable::logarithm(x); }

}  // namespace kvdiff
