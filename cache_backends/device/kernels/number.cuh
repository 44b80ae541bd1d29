#pragma once
// The arithmetic of all kernels: float32 with fma where it is written and nowhere else, IEEE division and square root, no
// flush to zero; 16-bit types as dtype.h rounds them, any NaN canonical. The same bits as the scalar kernels of the host.
#include <bit>
#include <cmath>
#include <cstdint>

#include "cache_backends/device/thread.h"
#include "cache_backends/dtype.h"
#include "cache_backends/kernels/exponential.h"

#ifdef __CUDACC__
#include <cuda_fp16.h>
#endif

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

constexpr int64_t reduction_chunk = 256;  // of harness/model/kernels/kernels.h: the written order of every sum

#ifdef __CUDACC__
KVDIFF_DEVICE float fma(float a, float b, float c) { return __fmaf_rn(a, b, c); }
KVDIFF_DEVICE float nearest(float x) { return rintf(x); }
KVDIFF_DEVICE uint32_t bits_of(float x) { return __float_as_uint(x); }
KVDIFF_DEVICE uint64_t bits_of(double x) { return static_cast<uint64_t>(__double_as_longlong(x)); }
KVDIFF_DEVICE float float_of(uint32_t bits) { return __uint_as_float(bits); }
KVDIFF_DEVICE float square_root(float x) { return __fsqrt_rn(x); }
KVDIFF_DEVICE uint16_t float16_bits(float x) { return x != x ? 0x7e00 : __half_as_ushort(__float2half_rn(x)); }
KVDIFF_DEVICE float from_float16_bits(uint16_t bits) {
  return (bits & 0x7fff) > 0x7c00 ? __uint_as_float(0x7fc00000u) : __half2float(__ushort_as_half(bits));
}
#else
inline float fma(float a, float b, float c) { return std::fma(a, b, c); }
inline float nearest(float x) { return std::nearbyint(x); }
inline uint32_t bits_of(float x) { return std::bit_cast<uint32_t>(x); }
inline uint64_t bits_of(double x) { return std::bit_cast<uint64_t>(x); }
inline float float_of(uint32_t bits) { return std::bit_cast<float>(bits); }
inline float square_root(float x) { return std::sqrt(x); }
inline uint16_t float16_bits(float x) { return kvdiff::float16_bits(x); }
inline float from_float16_bits(uint16_t bits) { return kvdiff::from_float16_bits(bits); }
#endif

KVDIFF_DEVICE float not_a_number() { return float_of(0x7fc00000u); }
KVDIFF_DEVICE float infinity() { return float_of(0x7f800000u); }

KVDIFF_DEVICE uint16_t bfloat16_bits(float x) {
  const uint32_t bits = bits_of(x);
  if (x != x) return 0x7fc0;
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
KVDIFF_DEVICE float from_bfloat16_bits(uint16_t bits) { return float_of(static_cast<uint32_t>(bits) << 16); }

KVDIFF_DEVICE float rounded(Dtype dtype, float x) {
  if (dtype == Dtype::float32) return x;
  return dtype == Dtype::float16 ? from_float16_bits(float16_bits(x)) : from_bfloat16_bits(bfloat16_bits(x));
}

// A float that exponential.h finds its operations for.
struct Real {
  float value;
  KVDIFF_DEVICE explicit Real(float x) : value(x) {}
};
KVDIFF_DEVICE Real operator*(Real a, Real b) { return Real(a.value * b.value); }
KVDIFF_DEVICE Real fma(Real a, Real b, Real c) { return Real(fma(a.value, b.value, c.value)); }
KVDIFF_DEVICE Real nearest(Real x) { return Real(nearest(x.value)); }
KVDIFF_DEVICE Real clamp_to(Real x, Real low, Real high) {
  const float raised = x.value > low.value ? x.value : low.value;
  return Real(raised < high.value ? raised : high.value);
}
KVDIFF_DEVICE float power_of_two(int n) { return float_of(static_cast<uint32_t>(n + 127) << 23); }
KVDIFF_DEVICE Real scale_by_power(Real p, Real n) {
  const int whole = static_cast<int>(n.value), half = whole >> 1;
  return Real((p.value * power_of_two(half)) * power_of_two(whole - half));
}
KVDIFF_DEVICE Real keep_nan(Real x, Real y) { return x.value != x.value ? Real(not_a_number()) : y; }
KVDIFF_DEVICE float exponential(float x) { return kvdiff::exponential(Real(x)).value; }

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
