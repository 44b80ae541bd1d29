#pragma once
#include <cstddef>
#include <cstdint>

#include "cache_backends/dtype.h"
#include "cache_backends/kernels/simd.h"

namespace kvdiff {

// The tensor as HQQ reshapes it: a matrix [rows, columns], row-major. axis 1: each row is a group; axis 0: each column.
struct HqqMatrix {
  const float* values = nullptr;
  int64_t rows = 0, columns = 0;
  int axis = 0;
  int64_t elements() const { return rows * columns; }
  int64_t groups() const { return axis == 1 ? rows : columns; }
};

// One turn of the proximal solver. Here `scale` is the peer's inverse scale, codes per unit: code = value * scale + zero.
struct HqqStep {
  const float* scale = nullptr;  // [groups]
  float* zero = nullptr;         // [groups], replaced by the next turn's
  float largest_code = 0;        // 2^bits - 1
  float shrink_weight = 0;       // 1 / beta
  float negligible = 0;          // errors up to this are shrunk to 0 for certain, which saves their power: negligible_error()
  bool half = false;             // every operation rounds to float16
  float* scratch = nullptr;      // hqq_scratch_size() floats
};

// A block's codes as they are packed: code e is at bit `bits * (chunks - 1 - e / chunk)` of word e % chunk, where a word
// is a byte (1, 2, 4, 8 bits) or an int32 (3 bits) and `chunks` codes share it.
struct HqqPacked {
  const std::byte* packed = nullptr;
  int64_t chunk = 0;
  int bits = 0, chunks = 0;
  const float* scale = nullptr;  // [groups], the inverse of the solver's
  const float* zero = nullptr;
  int64_t columns = 0;
  int axis = 0;
  Dtype dtype = Dtype::float16;
};

// One set per instruction set, equal in every bit (pointers and sizes only; nothing throws, nothing allocates).
struct HqqKernels {
  // Smallest and largest value of each group, as torch's min and max: NaN wins, the first of two zeros wins.
  void (*ranges)(const HqqMatrix& matrix, float* smallest, float* largest);
  // Runs one turn and returns the mean of |value - decoded| under the zeros that it found.
  // Sums are in the order of PyTorch's cascade (aten/src/ATen/native/cpu/SumKernel.cpp) on one thread with eight lanes.
  float (*solve)(const HqqMatrix& matrix, const HqqStep& step);
  // clamp(round(value * scale + zero), 0, largest), ties to even; NaN becomes 0.
  void (*quantize)(const HqqMatrix& matrix, const HqqStep& step, uint8_t* codes);
  // Elements [first, first + count): (code - zero) * scale, both operations rounded to the dtype.
  void (*decode)(const HqqPacked& block, int64_t first, int64_t count, float* out);
  void (*power)(const float* values, int64_t count, bool half, float* out);  // values ^ -0.3: for tests
};
const HqqKernels& hqq_kernels(Simd simd);
const HqqKernels& hqq_kernels_without_fma();  // scalar, where each fma is a call: a test holds it to the others

// |error| - weight * |error|^-0.3 is below 0 up to weight^(1 / 1.3); a hundredth less keeps clear of every rounding, those
// of float16 included.
float negligible_error(double weight);
int64_t hqq_scratch_size(const HqqMatrix& matrix);

}  // namespace kvdiff
