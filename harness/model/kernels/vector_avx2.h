// Sixteen floats in two AVX2 registers. Internal linkage: included by *_avx2.cpp only.
#include <immintrin.h>

#include <bit>
#include <cstdint>
#include <limits>

namespace kvdiff {
namespace {

struct Vector {
  static constexpr int tile_rows = 6;  // 12 accumulators, 2 weights, 1 broadcast: 15 of 16 registers
  __m256 low, high;
  Vector() = default;
  Vector(__m256 a, __m256 b) : low(a), high(b) {}
  explicit Vector(float x) : low(_mm256_set1_ps(x)), high(low) {}
};

inline Vector load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
inline void store(float* p, Vector x) {
  _mm256_storeu_ps(p, x.low);
  _mm256_storeu_ps(p + 8, x.high);
}
inline __m256 half_f16(const uint16_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
inline __m256 half_bf16(const uint16_t* p) {
  const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
inline Vector load_float16(const uint16_t* p) { return {half_f16(p), half_f16(p + 8)}; }
inline Vector load_bfloat16(const uint16_t* p) { return {half_bf16(p), half_bf16(p + 8)}; }

inline Vector operator+(Vector a, Vector b) { return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
inline Vector operator-(Vector a, Vector b) { return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)}; }
inline Vector operator*(Vector a, Vector b) { return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)}; }
inline Vector operator/(Vector a, Vector b) { return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)}; }
inline Vector fma(Vector a, Vector b, Vector c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
inline Vector maximum(Vector a, Vector b) { return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)}; }
inline Vector negative(Vector a) { return Vector(0.0f) - a; }

inline Vector nearest(Vector x) {
  constexpr int mode = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return {_mm256_round_ps(x.low, mode), _mm256_round_ps(x.high, mode)};
}
inline Vector clamp_to(Vector x, Vector low, Vector high) {  // maxps, minps: the second operand where x is NaN
  return {_mm256_min_ps(_mm256_max_ps(x.low, low.low), high.low),
          _mm256_min_ps(_mm256_max_ps(x.high, low.high), high.high)};
}
inline __m256 scale_half(__m256 p, __m256 n) {
  const __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1), bias = _mm256_set1_epi32(127);
  const __m256i rest = _mm256_sub_epi32(whole, half);
  const __m256 first = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23));
  const __m256 second = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23));
  return _mm256_mul_ps(_mm256_mul_ps(p, first), second);
}
inline Vector scale_by_power(Vector p, Vector n) { return {scale_half(p.low, n.low), scale_half(p.high, n.high)}; }
inline __m256 blend_nan(__m256 x, __m256 y, float nan) {
  return _mm256_blendv_ps(y, _mm256_set1_ps(nan), _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
}
inline Vector keep_nan(Vector x, Vector y) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  return {blend_nan(x.low, y.low, nan), blend_nan(x.high, y.high, nan)};
}
inline bool any_nan(Vector x) {
  return (_mm256_movemask_ps(_mm256_cmp_ps(x.low, x.low, _CMP_UNORD_Q)) |
          _mm256_movemask_ps(_mm256_cmp_ps(x.high, x.high, _CMP_UNORD_Q))) != 0;
}
inline __m256 to_float16(__m256 x) {
  return _mm256_cvtph_ps(_mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
inline __m256 to_bfloat16(__m256 x) {
  const __m256i bits = _mm256_castps_si256(x);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
  return _mm256_castsi256_ps(_mm256_and_si256(rounded, _mm256_set1_epi32(static_cast<int>(0xffff0000u))));
}
inline Vector round_float16(Vector x) { return keep_nan(x, {to_float16(x.low), to_float16(x.high)}); }
inline Vector round_bfloat16(Vector x) { return keep_nan(x, {to_bfloat16(x.low), to_bfloat16(x.high)}); }

inline void transpose8(const float* rows, int64_t row_stride, float* columns) {
  __m256 r[8], s[8];
  for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_ps(rows + i * row_stride);
  for (int i = 0; i < 4; ++i) {
    s[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
    s[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
  }
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 2; ++j) {
      r[4 * i + 2 * j] = _mm256_shuffle_ps(s[4 * i + j], s[4 * i + 2 + j], 0x44);
      r[4 * i + 2 * j + 1] = _mm256_shuffle_ps(s[4 * i + j], s[4 * i + 2 + j], 0xee);
    }
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_ps(columns + 16 * i, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    _mm256_storeu_ps(columns + 16 * (i + 4), _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }
}

}  // namespace
}  // namespace kvdiff
