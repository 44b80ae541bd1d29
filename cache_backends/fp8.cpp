#include "cache_backends/fp8.h"

#include <bit>
#include <cmath>

#include "cache_backends/dtype.h"

namespace kvdiff {
namespace {

// Of a magnitude below the format's overflow: its bits above `mantissa` bits of mantissa, the exponent rebased so that
// 2^smallest is the smallest normal number. Below that, adding 2^(smallest + 23 - mantissa) aligns the units of both
// types, and the addition rounds to even.
uint32_t narrowed(uint32_t magnitude, int mantissa, int smallest) {
  const uint32_t smallest_normal = static_cast<uint32_t>(127 + smallest) << 23;
  if (magnitude < smallest_normal) {
    const uint32_t aligner = static_cast<uint32_t>(127 + smallest + 23 - mantissa) << 23;
    return std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + std::bit_cast<float>(aligner)) - aligner;
  }
  const int dropped = 23 - mantissa;
  const uint32_t half = (uint32_t{1} << (dropped - 1)) - 1 + ((magnitude >> dropped) & 1u);
  return (magnitude + half - (smallest_normal - (uint32_t{1} << 23))) >> dropped;
}

}  // namespace

uint8_t e4m3_bits(float value) {
  if (std::isnan(value)) return 0x7f;
  const uint32_t bits = std::bit_cast<uint32_t>(value), magnitude = bits & 0x7fffffffu;
  const uint32_t code = magnitude >= std::bit_cast<uint32_t>(448.0f) ? 0x7eu : narrowed(magnitude, 3, -6);
  return static_cast<uint8_t>(code | ((bits >> 24) & 0x80u));
}

uint8_t e5m2_bits(float value) {
  if (std::isnan(value)) return 0x7f;
  const uint32_t bits = std::bit_cast<uint32_t>(value), magnitude = bits & 0x7fffffffu;
  const uint32_t code = magnitude >= std::bit_cast<uint32_t>(61440.0f) ? 0x7cu : narrowed(magnitude, 2, -14);
  return static_cast<uint8_t>(code | ((bits >> 24) & 0x80u));
}

float from_e4m3_bits(uint8_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x80u) << 24, magnitude = bits & 0x7fu;
  if (magnitude == 0x7fu) return std::bit_cast<float>(0x7fc00000u);
  const float value = magnitude < 8 ? static_cast<float>(magnitude) * 0x1p-9f
                                    : std::bit_cast<float>((magnitude << 20) + (uint32_t{127 - 7} << 23));
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(value));
}

// The upper half of a float16.
float from_e5m2_bits(uint8_t bits) { return from_float16_bits(static_cast<uint16_t>(bits << 8)); }

}  // namespace kvdiff
