#pragma once
// exp in float32, one polynomial for every register width. V is float or a vector type; the operations that it needs
// (fma, +, -, *, nearest, power_of_two, keep_if_less, keep_nan) come from the including file, found by argument type.
// Internal linkage on purpose: files built for different instruction sets must not share an instance.
//
// exp(x) = 2^n * exp(r), n = nearest(x / ln 2), r = x - n ln 2 in two steps, |r| <= 0.3466; exp(r) by its Taylor
// polynomial of degree 7 (remainder below 2^-27.5 relative). Largest error, over all floats: below 1.1 ulp (tested on a sample).

#include "cache_backends/device/target.h"

namespace kvdiff {

template <class V>
static KVDIFF_DEVICE V exponential(V x) {
  const V bounded = clamp_to(x, V(-104.0f), V(89.0f));
  const V n = nearest(bounded * V(1.44269504088896341f));
  V r = fma(n, V(-0.693145751953125f), bounded);
  r = fma(n, V(-1.42860682030941723212e-6f), r);
  V p = fma(r, V(1.0f / 5040), V(1.0f / 720));
  p = fma(p, r, V(1.0f / 120));
  p = fma(p, r, V(1.0f / 24));
  p = fma(p, r, V(1.0f / 6));
  p = fma(p, r, V(0.5f));
  p = fma(p, r, V(1.0f));
  p = fma(p, r, V(1.0f));
  return keep_nan(x, scale_by_power(p, n));
}

}  // namespace kvdiff
