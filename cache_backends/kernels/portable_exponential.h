#pragma once
#include <cstdint>

// exp in double of harness/metrics/portable_math.h, for its files and for the kernels of the device: + - * / and bit
// operations only. Always inlined: files built for different instruction sets must not share an instance.
#ifdef __CUDACC__
#define KVDIFF_ALWAYS_INLINE __host__ __device__ __forceinline__
#else
#define KVDIFF_ALWAYS_INLINE __attribute__((always_inline)) inline
#endif

namespace kvdiff {

namespace portable {

// One source for a double and for a vector of doubles (GCC and clang vector extensions): Real and Integer are either
// double and int64_t, or vectors of them of equal length.
//
// x = k ln 2 + r with |r| <= ln 2 / 2. shifted keeps k in its low bits.
template <class Real>
struct Reduced {
  Real shifted, r;
};

template <class Real>
KVDIFF_ALWAYS_INLINE void reduce(const Real& x, Reduced<Real>& to) {
  constexpr double round_to_integer = 6755399441055744.0;  // 1.5 x 2^52: adding it leaves the nearest integer in the low bits
  constexpr double ln2_high = 0x1.62e42fefa0000p-1;        // its low bits are 0, so that k x ln2_high is exact
  constexpr double ln2_low = 0x1.cf79abc9e3b3ap-40;
  to.shifted = x * 1.4426950408889634 + round_to_integer;
  const Real k = to.shifted - round_to_integer;
  to.r = (x - k * ln2_high) - k * ln2_low;
}

// e^r by its Taylor sum to r^13 / 13!: what is cut off is below 5e-18.
template <class Real>
KVDIFF_ALWAYS_INLINE void taylor(const Real& r, Real& sum) {
  sum = r * (1.0 / 6227020800.0) + 1.0 / 479001600.0;
  sum = sum * r + 1.0 / 39916800.0;
  sum = sum * r + 1.0 / 3628800.0;
  sum = sum * r + 1.0 / 362880.0;
  sum = sum * r + 1.0 / 40320.0;
  sum = sum * r + 1.0 / 5040.0;
  sum = sum * r + 1.0 / 720.0;
  sum = sum * r + 1.0 / 120.0;
  sum = sum * r + 1.0 / 24.0;
  sum = sum * r + 1.0 / 6.0;
  sum = sum * r + 0.5;
  sum = (r + (r * r) * sum) + 1.0;
}

constexpr double smallest_exponent = -707.0;

// exp(x) for x <= 0, the bits of portable_exp. NaN gives anything.
template <class Real, class Integer>
KVDIFF_ALWAYS_INLINE void exponential_of_nonpositive(const Real& x, Real& result) {
  Reduced<Real> reduced;
  Real sum;
  reduce(x, reduced);
  taylor(reduced.r, sum);
  const Integer power = (__builtin_bit_cast(Integer, reduced.shifted) + 1023) << 52;
  const Real zero = Real{};
  result = x < zero + smallest_exponent ? zero : sum * __builtin_bit_cast(Real, power);
}

}  // namespace portable

}  // namespace kvdiff
