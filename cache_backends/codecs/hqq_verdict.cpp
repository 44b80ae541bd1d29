#include <fmt/format.h>

#include <algorithm>

#include "cache_backends/codecs/hqq_packing.h"

namespace kvdiff {
namespace {

// Everything below is about dimension 0 of the grouped matrix, whose rows the peer cuts by integer division.
struct Grouped {
  int64_t rows = 0, columns = 0, scales = 0;  // scales: rows of the scale tensor, 1 when groups are columns
};

std::string mismatch(int64_t left, int64_t right) {
  return fmt::format("The size of tensor a ({}) must match the size of tensor b ({}) at non-singleton dimension 0", left,
                     right);
}

PeerVerdict raise_at(bool dequantize, std::string message) {
  PeerVerdict verdict;
  verdict.raises = true;
  verdict.at_dequantize = dequantize;
  verdict.exception = "RuntimeError";
  verdict.message = std::move(message);
  return verdict;
}

// Rows that unpacking gives back. Negative: packing raised, for slices of unequal length that do not broadcast.
int64_t unpacked_rows(const BlockShape& shape, int bits, int64_t group, int axis, int64_t rows) {
  if (bits == 8) return rows;
  if (bits == 3) {
    const int64_t padded = (rows + 9) / 10 * 10;
    // dequantize was written for two-dimensional weights: it keeps shape[0] * shape[1] / group rows
    return std::min(padded, axis == 0 ? group : shape.batch * shape.heads / group);
  }
  const int64_t per_byte = 8 / bits, part = rows / per_byte, last = part + rows % per_byte;
  if (part == last || bits == 1) return part * per_byte;  // 1 bit: the last slice ends where a whole part does
  if (part != 1 && last != 1) return -1;
  return (part == 1 ? last : part) * per_byte;
}

// (codes - zero) * scale, then the reshape.
PeerVerdict dequantize_verdict(const BlockShape& shape, const Grouped& grouped, int64_t unpacked) {
  if (grouped.scales != 1 && unpacked != grouped.scales) {
    if (unpacked != 1) return raise_at(true, mismatch(unpacked, grouped.scales));
    PeerVerdict verdict;
    verdict.silently_wrong = true;
    verdict.message = "no error and wrong values: the first row of codes stands for all";
    return verdict;
  }
  if (unpacked == grouped.rows) return {};
  return raise_at(true, fmt::format("shape '[{}, {}, {}, {}]' is invalid for input of size {}", shape.batch, shape.heads,
                                    shape.tokens, shape.head_size, unpacked * grouped.columns));
}

}  // namespace

PeerVerdict hqq_verdict(const BlockShape& shape, int bits, int64_t group, int axis) {
  const int64_t elements = shape.elements();
  if (elements % group != 0) {
    PeerVerdict verdict = raise_at(false, fmt::format("group_size should be divisble by the total tensor dimensions. shape: "
                                                      "torch.Size([{}, {}, {}, {}]), group_size: {}",
                                                      shape.batch, shape.heads, shape.tokens, shape.head_size, group));
    verdict.exception = "AssertionError";
    return verdict;
  }
  const int64_t groups = elements / group;
  const Grouped grouped = axis == 1 ? Grouped{groups, group, groups} : Grouped{group, groups, 1};
  const int64_t unpacked = unpacked_rows(shape, bits, group, axis, grouped.rows);
  if (unpacked >= 0) return dequantize_verdict(shape, grouped, unpacked);
  const int64_t part = grouped.rows / (8 / bits);
  return raise_at(false, mismatch(part, part + grouped.rows % (8 / bits)));
}

}  // namespace kvdiff
