#pragma once
#include "cache_backends/device/kernels/format.cuh"

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// Where codes lie: HqqPacked of cache_backends/kernels/hqq.h. Code e is at bit bits * (chunks - 1 - e / chunk) of word e % chunk;
// a word is an int32 for 3 bits, which hold ten codes, and else a byte.
struct HqqPlaces {
  int64_t rows, columns;  // of the grouped matrix; axis 1: each row is a group; axis 0: each column
  int axis, bits;

  KVDIFF_SHARED_CODE int64_t elements() const { return rows * columns; }
  KVDIFF_SHARED_CODE int64_t groups() const { return axis == 1 ? rows : columns; }
  KVDIFF_SHARED_CODE int chunks() const { return bits == 3 ? 10 : 8 / bits; }
  KVDIFF_SHARED_CODE int64_t chunk() const { return (rows + chunks() - 1) / chunks() * columns; }
  KVDIFF_SHARED_CODE int word_bytes() const { return bits == 3 ? 4 : 1; }
  KVDIFF_DEVICE int64_t group_of(int64_t element) const { return axis == 1 ? element / columns : element % columns; }
};

// (code - zero) * scale, both operations rounded to the dtype, as HqqKernels::decode has it.
struct HqqFormat {
  EncodedMemory memory;
  HqqPlaces places;  // of one encoded tensor
  int64_t chunk;     // places.chunk(), in words

  KVDIFF_DEVICE float operator()(int64_t row, int64_t token, int64_t d) const {
    const int64_t element = memory.element(row, token, d), group = places.group_of(element);
    const float code = static_cast<float>(static_cast<int>(code_at(token, element)));
    const float shifted = rounded(memory.dtype, code - memory.zero_at(token, group));
    const float value = rounded(memory.dtype, shifted * memory.scale_at(token, group));
    return value != value ? not_a_number() : value;
  }

  KVDIFF_DEVICE int code(int64_t row, int64_t token, int64_t d) const {
    return static_cast<int>(code_at(token, memory.element(row, token, d)));
  }

 private:
  KVDIFF_DEVICE uint32_t code_at(int64_t token, int64_t element) const {
    const int64_t part = element / chunk, word = element - part * chunk;
    const int shift = places.bits * (places.chunks() - 1 - static_cast<int>(part));
    return (word_at(token, word) >> shift) & ((1u << places.bits) - 1);
  }
  KVDIFF_DEVICE uint32_t word_at(int64_t token, int64_t word) const {
    if (places.bits != 3) return memory.byte(token, word);
    uint32_t bits = 0;
    KVDIFF_UNROLL
    for (int i = 0; i < 4; ++i) bits |= static_cast<uint32_t>(memory.byte(token, 4 * word + i)) << (8 * i);
    return bits;
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
