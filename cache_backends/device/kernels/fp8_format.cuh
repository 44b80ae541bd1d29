#pragma once
#include "cache_backends/device/kernels/format.cuh"
#include "cache_backends/device/kernels/fp8_number.cuh"
#include "cache_backends/device/kernels/group_ranges.cuh"

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// One byte per value: codecs/fp8.cpp, decode().
struct Fp8Format {
  EncodedMemory memory;
  Fp8Number number;
  bool per_token_head = false, holds_scale = false;
  float held = 1;  // the scale of everything, where it is known already

  KVDIFF_DEVICE float operator()(int64_t row, int64_t token, int64_t d) const {
    const int64_t element = memory.element(row, token, d);
    const float scale = holds_scale ? held : memory.scale_at(token, per_token_head ? element / memory.head_size : 0);
    return canonical(rounded(memory.dtype, number.value(memory.byte(token, element)) * scale));
  }
  // As Codec::codes gives it.
  KVDIFF_DEVICE int code(int64_t row, int64_t token, int64_t d) const { return memory.byte(token, memory.element(row, token, d)); }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
