#include "cache_backends/dtype.h"

#include <bit>
#include <cmath>

#include "cache_backends/error.h"

namespace kvdiff {

size_t size_of(Dtype dtype) { return dtype == Dtype::float32 ? 4 : 2; }

std::string_view name_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::float16: return "float16";
    case Dtype::bfloat16: return "bfloat16";
    case Dtype::float32: return "float32";
  }
  throw InternalError("unknown dtype");
}

Dtype parse_dtype(std::string_view text) {
  if (text == "float16" || text == "fp16" || text == "half") return Dtype::float16;
  if (text == "bfloat16" || text == "bf16") return Dtype::bfloat16;
  if (text == "float32" || text == "fp32" || text == "float") return Dtype::float32;
  throw UserError(ExitCode::usage,
                  "unknown dtype '" + std::string(text) + "': expected float16, bfloat16 or float32");
}

uint16_t float16_bits(float value) {
  if (std::isnan(value)) return 0x7e00;
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude >= 0x47800000u) return static_cast<uint16_t>(sign | 0x7c00u);  // 65536 and above
  if (magnitude < 0x38800000u) {
    // Below the smallest normal: adding 0.5 aligns the units of both types, and the addition rounds to even.
    const float aligned = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(aligned) - 0x3f000000u));
  }
  const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u) - 0x38000000u;
  return static_cast<uint16_t>(sign | (rounded >> 13));
}

float from_float16_bits(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t magnitude = bits & 0x7fffu;
  if (magnitude > 0x7c00u) return std::bit_cast<float>(0x7fc00000u);
  if (magnitude == 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u);
  if (magnitude >= 0x0400u) return std::bit_cast<float>(sign | ((magnitude << 13) + 0x38000000u));
  const float subnormal = static_cast<float>(magnitude) * 0x1p-24f;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(subnormal));
}

uint16_t bfloat16_bits(float value) {
  if (std::isnan(value)) return 0x7fc0;
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

float from_bfloat16_bits(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

float round_to(Dtype dtype, float value) {
  switch (dtype) {
    case Dtype::float16: return from_float16_bits(float16_bits(value));
    case Dtype::bfloat16: return from_bfloat16_bits(bfloat16_bits(value));
    case Dtype::float32: return value;
  }
  throw InternalError("unknown dtype");
}

}  // namespace kvdiff
