#include "cache_backends/storage.h"

#include <bit>
#include <cstring>

#include "cache_backends/kernels/simd.h"

namespace kvdiff {
namespace {

void store_float16(const float* values, int64_t count, uint16_t* bits) {
  if (active_simd() != Simd::scalar) return store_float16_f16c(values, count, bits);
  for (int64_t i = 0; i < count; ++i) bits[i] = float16_bits(values[i]);
}

void load_float16(const uint16_t* bits, int64_t count, float* values) {
  if (active_simd() != Simd::scalar) return load_float16_f16c(bits, count, values);
  for (int64_t i = 0; i < count; ++i) values[i] = from_float16_bits(bits[i]);
}

// Without branches, so that the compiler makes vectors of it. A NaN becomes the canonical one.
void store_bfloat16(const float* values, int64_t count, uint16_t* out) {
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>(values[i]);
    const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    out[i] = static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded);
  }
}

void load_bfloat16(const uint16_t* bits, int64_t count, float* values) {
  for (int64_t i = 0; i < count; ++i) values[i] = std::bit_cast<float>(static_cast<uint32_t>(bits[i]) << 16);
}

}  // namespace

void store(Dtype dtype, const float* values, int64_t count, std::byte* bits) {
  switch (dtype) {
    case Dtype::float16: return store_float16(values, count, reinterpret_cast<uint16_t*>(bits));
    case Dtype::bfloat16: return store_bfloat16(values, count, reinterpret_cast<uint16_t*>(bits));
    case Dtype::float32: std::memcpy(bits, values, static_cast<size_t>(count) * sizeof(float));
  }
}

void load(Dtype dtype, const std::byte* bits, int64_t count, float* values) {
  switch (dtype) {
    case Dtype::float16: return load_float16(reinterpret_cast<const uint16_t*>(bits), count, values);
    case Dtype::bfloat16: return load_bfloat16(reinterpret_cast<const uint16_t*>(bits), count, values);
    case Dtype::float32: std::memcpy(values, bits, static_cast<size_t>(count) * sizeof(float));
  }
}

}  // namespace kvdiff
