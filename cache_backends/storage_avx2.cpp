#include <immintrin.h>

#include "cache_backends/storage.h"

namespace kvdiff {

void store_float16_f16c(const float* values, int64_t count, uint16_t* bits) {
  const __m256 canonical = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fc00000));
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256 value = _mm256_loadu_ps(values + i);
    const __m256 nan = _mm256_cmp_ps(value, value, _CMP_UNORD_Q);
    const __m256 clean = _mm256_blendv_ps(value, canonical, nan);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(bits + i), _mm256_cvtps_ph(clean, _MM_FROUND_TO_NEAREST_INT));
  }
  for (; i < count; ++i) bits[i] = float16_bits(values[i]);
}

// What is stored holds no NaN but the canonical one, which F16C keeps.
void load_float16_f16c(const uint16_t* bits, int64_t count, float* values) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bits + i));
    _mm256_storeu_ps(values + i, _mm256_cvtph_ps(half));
  }
  for (; i < count; ++i) values[i] = from_float16_bits(bits[i]);
}

}  // namespace kvdiff
