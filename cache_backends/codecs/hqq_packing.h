#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cache_backends/codec.h"

namespace kvdiff {

// hqq/core/bitpack.py: rows are cut into as many equal chunks as codes fit a word; chunk 0 lies in the highest bits.
// 1, 2, 4, 8 bits in a byte; 3 bits, ten of them, in an int32. Rows that do not divide are padded with zeros: the peer
// does so for 3 bits only.
struct HqqPacking {
  int64_t rows = 0, columns = 0;  // of the grouped matrix
  int bits = 4;

  int codes_per_word() const { return bits == 3 ? 10 : 8 / bits; }
  int64_t bytes_per_word() const { return bits == 3 ? 4 : 1; }
  int64_t chunk() const { return (rows + codes_per_word() - 1) / codes_per_word() * columns; }  // words
  int64_t bytes() const { return chunk() * bytes_per_word(); }
};

std::vector<std::byte> pack(const HqqPacking& packing, const std::vector<uint8_t>& codes);
std::vector<uint8_t> unpack(const HqqPacking& packing, std::span<const std::byte> packed);

// What quantize and dequantize of hqq 0.2.8.post1 do with this block: definitions in README.md, "When the peer raises".
PeerVerdict hqq_verdict(const BlockShape& shape, int bits, int64_t group, int axis);

}  // namespace kvdiff
