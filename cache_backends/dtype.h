#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kvdiff {

// The type that values are rounded to. Arithmetic is always float32 (fma where written); a 16-bit "tensor" is an array
// of floats that each hold a value of that type, or an array of its bits where it is stored.
enum class Dtype { float16, bfloat16, float32 };

size_t size_of(Dtype dtype);  // bytes per element
std::string_view name_of(Dtype dtype);
Dtype parse_dtype(std::string_view text);  // "float16", "fp16", "half", ...; throws UserError(usage)

// IEEE conversions, round half to even, no flush to zero, any NaN becomes the canonical quiet one with its sign dropped.
uint16_t float16_bits(float value);
float from_float16_bits(uint16_t bits);
uint16_t bfloat16_bits(float value);
float from_bfloat16_bits(uint16_t bits);

float round_to(Dtype dtype, float value);

}  // namespace kvdiff
