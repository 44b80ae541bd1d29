// Sixteen floats in one AVX-512 register. Internal linkage: included by *_avx512.cpp only.
#include <immintrin.h>

#include <cstdint>
#include <limits>

namespace kvdiff {
namespace {

struct Vector {
  static constexpr int tile_rows = 12;
  __m512 all;
  Vector() = default;
  explicit Vector(__m512 x) : all(x) {}
  explicit Vector(float x) : all(_mm512_set1_ps(x)) {}
};

inline Vector load(const float* p) { return Vector(_mm512_loadu_ps(p)); }
inline void store(float* p, Vector x) { _mm512_storeu_ps(p, x.all); }
inline __m256i load_16_bits(const uint16_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
inline Vector load_float16(const uint16_t* p) { return Vector(_mm512_cvtph_ps(load_16_bits(p))); }
inline Vector load_bfloat16(const uint16_t* p) {
  return Vector(_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(load_16_bits(p)), 16)));
}

inline Vector operator+(Vector a, Vector b) { return Vector(_mm512_add_ps(a.all, b.all)); }
inline Vector operator-(Vector a, Vector b) { return Vector(_mm512_sub_ps(a.all, b.all)); }
inline Vector operator*(Vector a, Vector b) { return Vector(_mm512_mul_ps(a.all, b.all)); }
inline Vector operator/(Vector a, Vector b) { return Vector(_mm512_div_ps(a.all, b.all)); }
inline Vector fma(Vector a, Vector b, Vector c) { return Vector(_mm512_fmadd_ps(a.all, b.all, c.all)); }
inline Vector maximum(Vector a, Vector b) { return Vector(_mm512_max_ps(a.all, b.all)); }
inline Vector negative(Vector a) { return Vector(0.0f) - a; }

inline Vector nearest(Vector x) {
  return Vector(_mm512_roundscale_ps(x.all, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
inline Vector clamp_to(Vector x, Vector low, Vector high) {
  return Vector(_mm512_min_ps(_mm512_max_ps(x.all, low.all), high.all));
}
inline Vector scale_by_power(Vector p, Vector n) {
  const __m512i whole = _mm512_cvtps_epi32(n.all), half = _mm512_srai_epi32(whole, 1), bias = _mm512_set1_epi32(127);
  const __m512i rest = _mm512_sub_epi32(whole, half);
  const __m512 first = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(half, bias), 23));
  const __m512 second = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(rest, bias), 23));
  return Vector(_mm512_mul_ps(_mm512_mul_ps(p.all, first), second));
}
inline Vector keep_nan(Vector x, Vector y) {
  const __mmask16 nan = _mm512_cmp_ps_mask(x.all, x.all, _CMP_UNORD_Q);
  return Vector(_mm512_mask_mov_ps(y.all, nan, _mm512_set1_ps(std::numeric_limits<float>::quiet_NaN())));
}
inline bool any_nan(Vector x) { return _mm512_cmp_ps_mask(x.all, x.all, _CMP_UNORD_Q) != 0; }
inline Vector round_float16(Vector x) {
  constexpr int mode = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return keep_nan(x, Vector(_mm512_cvtph_ps(_mm512_cvtps_ph(x.all, mode))));
}
inline Vector round_bfloat16(Vector x) {
  const __m512i bits = _mm512_castps_si512(x.all);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
  const __m512i kept = _mm512_and_si512(rounded, _mm512_set1_epi32(static_cast<int>(0xffff0000u)));
  return keep_nan(x, Vector(_mm512_castsi512_ps(kept)));
}

inline void transpose8(const float* rows, int64_t row_stride, float* columns) {
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 8; ++j) columns[16 * j + i] = rows[i * row_stride + j];
}

}  // namespace
}  // namespace kvdiff
