#pragma once
#include <cstdint>

#include "cache_backends/dtype.h"
#include "cache_backends/kernels/simd.h"

namespace kvdiff {

// Three ways to write code <-> value, with M = 2^bits - 1. Every operation is rounded to the dtype.
//   shift (quanto):           code = clamp(even((x + o) / s), 0, M)             x' = s * code - o
//   minimum (KIVI):           code = clamp(even((x - o) / s), 0, M)             x' = code * s + o
//   zero (LMDeploy PyTorch):  code = clamp(truncate(x / s + o + 0.5), 0, M)     x' = code * s - o * s
// NaN becomes code 0.
enum class AffineForm { shift, minimum, zero };

// A stretch of values whose scale s and offset o are one each, or one each per value.
struct AffineStep {
  const float* scale = nullptr;
  const float* offset = nullptr;
  bool per_value = false;
  float largest = 0;  // M
  Dtype dtype = Dtype::float16;
};

struct AffineKernels {
  void (*encode)(AffineForm form, const AffineStep& step, const float* values, int64_t count, uint8_t* codes);
  void (*decode)(AffineForm form, const AffineStep& step, const uint8_t* codes, int64_t count, float* out);
};
const AffineKernels& affine_kernels(Simd simd);  // equal in every bit

}  // namespace kvdiff
