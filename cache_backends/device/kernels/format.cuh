#pragma once
#include "cache_backends/device/kernels/number.cuh"

// How the tokens of one side of one layer lie in the device's memory: a Format reads one value, whatever its codes. Attention
// and everything else that reads a cache is written once over Format.
//   float operator()(int64_t row, int64_t token, int64_t d) const;   row = sequence * heads + head
namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// Full precision, [rows, capacity, head_size] in the bits of dtype.
struct PlainFormat {
  Span<const uint16_t> narrow;  // float16, bfloat16
  Span<const float> wide;       // float32
  Dtype dtype;
  int64_t capacity, head_size;
  KVDIFF_DEVICE float operator()(int64_t row, int64_t token, int64_t d) const {
    const int64_t at = (row * capacity + token) * head_size + d;
    if (dtype == Dtype::float32) return wide[at];
    return dtype == Dtype::float16 ? from_float16_bits(narrow[at]) : from_bfloat16_bits(narrow[at]);
  }
};

// Codes, scales and zeros of a BlockStore (one encoded tensor [rows, tokens, head_size]; the strides are 0) or a UnitStore (many
// tokens, each encoded alone as [rows, 1, head_size]: `tokens` is 1, and token t begins t strides behind the first).
struct EncodedMemory {
  Span<const uint8_t> packed;
  Span<const float> scale, zero;
  int64_t rows, tokens, head_size;
  int64_t packed_stride, scale_stride, zero_stride;
  Dtype dtype;  // the compute type: what decoded values are rounded to

  KVDIFF_DEVICE int64_t elements() const { return rows * tokens * head_size; }
  // Within the encoded tensor.
  KVDIFF_DEVICE int64_t element(int64_t row, int64_t token, int64_t d) const {
    return (row * tokens + (packed_stride > 0 ? 0 : token)) * head_size + d;
  }
  KVDIFF_DEVICE uint8_t byte(int64_t token, int64_t at) const { return packed[token * packed_stride + at]; }
  KVDIFF_DEVICE float scale_at(int64_t token, int64_t at) const { return scale[token * scale_stride + at]; }
  KVDIFF_DEVICE float zero_at(int64_t token, int64_t at) const { return zero[token * zero_stride + at]; }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
