#pragma once
#include <cstddef>
#include <cstdint>

#include "cache_backends/dtype.h"
#include "cache_backends/kernels/simd.h"

namespace kvdiff {

enum class Rounding { even, away, truncate };
enum class IntegerPer { token_head, token, channel, tensor };  // what shares a scale (codecs/integer.h)

// A row of values to codes. Symmetric: clamp(round(value * scale)), with the inverse of the step as scale. With an
// offset: clamp(round((value - zero) / scale)). NaN becomes code 0.
struct IntegerEncode {
  const float* scale = nullptr;
  const float* zero = nullptr;  // null: symmetric
  bool per_column = false;      // one scale per value, or one for the row
  Rounding round = Rounding::even;
  float smallest = 0, largest = 0;  // codes
};

// Codes to a row of values: round_to(dtype, code * scale), with an offset round_to(dtype, code * scale + zero), where
// code = (((byte >> shift) & mask) ^ flip) - bias.
struct IntegerDecode {
  const std::byte* packed = nullptr;
  int shift = 0, mask = 255, flip = 0, bias = 0;
  const float* scale = nullptr;
  const float* zero = nullptr;  // null: symmetric
  bool per_column = false;
  Dtype dtype = Dtype::float16;
};

struct IntegerKernels {
  void (*encode)(const IntegerEncode& how, const float* values, int64_t count, int8_t* codes);  // modulo 256
  void (*decode)(const IntegerDecode& how, int64_t count, float* out);
};
const IntegerKernels& integer_kernels(Simd simd);  // equal in every bit

}  // namespace kvdiff
