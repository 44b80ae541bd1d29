#pragma once
#include "cache_backends/device/ggml_kind.h"
#include "cache_backends/device/kernels/format.cuh"
#include "cache_backends/device/kernels/group_ranges.cuh"

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

constexpr int64_t block_values = 32;  // ggml_block

// The steps of iq4_nl, -127 to 113, a byte each: no table in memory.
KVDIFF_DEVICE int step_of(int code) {
  const uint64_t steps = code < 8 ? 0xf6eaddcfbfad9881u : 0x71594535'26190d01u;
  return static_cast<int8_t>(static_cast<uint8_t>(steps >> (code % 8 * 8)));
}

struct GgmlBlock {
  GgmlKind kind = GgmlKind::signed_bytes;
  int bits = 8;
  KVDIFF_SHARED_CODE int64_t bytes() const { return bits == 8 ? 32 : bits == 5 ? 20 : 16; }
  KVDIFF_DEVICE int half() const { return 1 << (bits - 1); }         // centred: the code of zero
  KVDIFF_DEVICE int largest() const { return (1 << bits) - 1; }
};

// llama.cpp's blocks: codecs/ggml.cpp, decode(). Bytes as ggml_blocks.cpp packs them; d in scale, m in zero.
struct GgmlBlockFormat {
  EncodedMemory memory;
  GgmlBlock block;

  KVDIFF_DEVICE float operator()(int64_t row, int64_t token, int64_t d) const {
    const int64_t index = memory.element(row, token, d) / block_values;
    int steps = code(row, token, d);
    if (block.kind == GgmlKind::steps) steps = step_of(steps);
    if (block.kind == GgmlKind::centred) steps -= block.half();
    float value = static_cast<float>(steps) * memory.scale_at(token, index);
    if (block.kind == GgmlKind::minimum) value = value + memory.zero_at(token, index);
    return canonical(rounded(memory.dtype, value));
  }

  // As Codec::codes gives it.
  KVDIFF_DEVICE int code(int64_t row, int64_t token, int64_t d) const {
    const int64_t element = memory.element(row, token, d), first = element / block_values * block.bytes();
    const int j = static_cast<int>(element % block_values);
    if (block.kind == GgmlKind::signed_bytes) return static_cast<int8_t>(memory.byte(token, first + j));
    const uint8_t nibbles = memory.byte(token, first + (block.bits == 5 ? 4 : 0) + j % 16);
    int stored = j < 16 ? nibbles & 15 : nibbles >> 4;
    if (block.bits == 5) stored |= ((memory.byte(token, first + j / 8) >> (j % 8)) & 1) << 4;
    return stored;
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
