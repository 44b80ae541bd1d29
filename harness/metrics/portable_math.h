#pragma once
#include "cache_backends/kernels/portable_exponential.h"

// exp and log in double, made of + - * / and bit operations only, so that they give the same bits on every machine.
// (libm's do not: glibc picks variants by CPU, and other libms round differently.)
namespace kvdiff {

// Error below 1 unit in the last place (held against long double in tests/harness/metrics/portable_math.cpp).
// x < -707 gives 0 (a softmax weight of 1e-307 is nothing; subnormals are slow); x > 709.78 gives infinity; NaN gives NaN.
double portable_exp(double x);

// Natural logarithm, error below 1 unit in the last place. log(0) = -infinity, log of a negative number or NaN = NaN,
// log(infinity) = infinity. Subnormal arguments are exact, too.
double portable_log(double x);

}  // namespace kvdiff
