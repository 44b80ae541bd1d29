#pragma once
#include "cache_backends/device/kernels/format.cuh"
#include "cache_backends/device/kernels/group_ranges.cuh"
#include "cache_backends/kernels/integer.h"

// The device's twin of codecs/integer.cpp: int8 and int4, all that may share a scale.
namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// Which scale belongs to an element: codecs/integer_scales.h, ScaleLayout.
struct IntegerPlace {
  IntegerPer per = IntegerPer::token_head;
  bool one_sequence = false;  // per=channel: [heads, head_size] serves all sequences
  int64_t heads = 1, tokens = 0, head_size = 0;
  // row = sequence * heads + head
  KVDIFF_DEVICE int64_t scale(int64_t row, int64_t token, int64_t d) const {
    if (per == IntegerPer::token_head) return row * tokens + token;
    if (per == IntegerPer::token) return row / heads * tokens + token;
    if (per == IntegerPer::channel) return (one_sequence ? row % heads : row) * head_size + d;
    return 0;
  }
};

// Codes of a byte or of half a one: of each row of D values, value d < half in the low nibble, d + half in the high one.
struct IntegerRow {
  int bits = 8;
  bool offset = false;  // codes from 0, and a zero; else signed
  int64_t head_size = 0;
  KVDIFF_SHARED_CODE int64_t bytes() const { return bits == 8 ? head_size : (head_size + 1) / 2; }
  KVDIFF_DEVICE float largest() const { return static_cast<float>((1 << (offset ? bits : bits - 1)) - 1); }
  KVDIFF_DEVICE float smallest() const { return offset ? 0.0f : bits == 8 ? -128.0f : -largest(); }
  KVDIFF_DEVICE int bias() const { return offset || bits == 8 ? 0 : 8; }
};

struct IntegerRowFormat {
  EncodedMemory memory;
  Span<const float> held_scale, held_zero;  // frozen scales, for all blocks; else empty
  IntegerPlace place;
  IntegerRow codes;

  KVDIFF_DEVICE float operator()(int64_t row, int64_t token, int64_t d) const {
    const int64_t at = place.scale(row, memory.packed_stride > 0 ? 0 : token, d);
    const bool held = held_scale.size() > 0;
    float value = static_cast<float>(code(row, token, d)) * (held ? held_scale[at] : memory.scale_at(token, at));
    if (codes.offset) value = value + (held ? held_zero[at] : memory.zero_at(token, at));
    return canonical(rounded(memory.dtype, value));
  }

  // As Codec::codes gives it.
  KVDIFF_DEVICE int code(int64_t row, int64_t token, int64_t d) const {
    const int64_t line = row * memory.tokens + (memory.packed_stride > 0 ? 0 : token);
    if (codes.bits == 8) {
      const uint8_t byte = memory.byte(token, line * memory.head_size + d);
      return codes.offset ? static_cast<int>(byte) : static_cast<int>(static_cast<int8_t>(byte));
    }
    const int64_t half = codes.bytes();
    const bool high = d >= half;
    const uint8_t byte = memory.byte(token, line * half + (high ? d - half : d));
    return (high ? byte >> 4 : byte & 15) - codes.bias();
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
