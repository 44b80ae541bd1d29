#pragma once
#include "cache_backends/device/affine_kind.h"
#include "cache_backends/device/kernels/number.cuh"

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

struct AffinePlace {
  int64_t bit = 0, group = 0;
};

// Whole groups, or the shorter one behind them (codecs/quanto.cpp, Part): `rows` rows of `columns` values, cut into 8 / bits
// equal parts of `chunk` rows that lie in one another's bytes.
struct AffinePart {
  int64_t rows = 0, columns = 0, chunk = 0;
  KVDIFF_SHARED_CODE int64_t bytes() const { return chunk * columns; }
};

// The device's twin of run_at() in codecs/quanto.cpp, kivi.cpp and lmdeploy.cpp: element -> bit and group, and back.
struct AffineLayout {
  AffineKind kind = AffineKind::runs;
  int64_t bits = 4, group = 64;
  int64_t lines = 0, tokens = 0, head_size = 1;  // lines: sequences x heads x tokens
  // Of runs and channels; of runs the columns are a group, of channels each group of each channel is one.
  AffinePart whole, rest;
  bool scale_per_value = false;  // runs: the block is one group, and the peer takes its axis for none

  KVDIFF_DEVICE AffinePlace at(int64_t element) const {
    if (kind == AffineKind::runs) return run(element);
    if (kind == AffineKind::channels) return channel(element);
    const int64_t line = element / head_size, d = element % head_size;
    if (kind == AffineKind::tokens) {
      const int64_t first = line / tokens * head_size + d, token = line % tokens;
      return {8 * first * row_bytes() + bits * token, first * row_groups() + token / group};
    }
    if (kind == AffineKind::heads) return {8 * line * row_bytes() + bits * d, line * row_groups() + d / group};
    if (kind == AffineKind::bytes) return {8 * element, line};
    const int64_t half = row_bytes();
    return {8 * (line * half + (d < half ? d : d - half)) + (d < half ? 0 : 4), line};
  }

  // Whose code lies in the byte at bit slot * bits; -1: padding.
  KVDIFF_DEVICE int64_t element_of(int64_t byte, int64_t slot) const {
    if (kind == AffineKind::runs || kind == AffineKind::channels) {
      const bool front = byte < whole.bytes();
      const AffinePart& part = front ? whole : rest;
      const int64_t inside = front ? byte : byte - whole.bytes();
      const int64_t row = inside / part.columns + slot * part.chunk, column = inside % part.columns;
      if (row >= part.rows) return -1;
      if (kind == AffineKind::runs) return (front ? 0 : whole.rows * group) + row * part.columns + column;
      const int64_t groups = part.columns / head_size, at = front ? 0 : whole_lines();
      return (at + column % groups * part.rows + row) * head_size + column / groups;
    }
    const int64_t length = row_bytes(), row = byte / length, inside = byte % length;
    const int64_t d = kind == AffineKind::nibbles ? inside + slot * length : inside * (8 / bits) + slot;
    if (kind != AffineKind::tokens) return d < head_size ? row * head_size + d : -1;
    return d < tokens ? (row / head_size * tokens + d) * head_size + row % head_size : -1;
  }

  // Of the kinds that are packed row by row.
  KVDIFF_SHARED_CODE int64_t row_length() const { return kind == AffineKind::tokens ? tokens : head_size; }
  KVDIFF_SHARED_CODE int64_t row_bytes() const { return (row_length() * bits + 7) / 8; }
  KVDIFF_SHARED_CODE int64_t row_groups() const { return (row_length() + group - 1) / group; }
  KVDIFF_SHARED_CODE int64_t whole_lines() const { return whole.columns / head_size * whole.rows; }  // channels

 private:
  KVDIFF_DEVICE AffinePlace run(int64_t element) const {
    const int64_t front = whole.rows * group;
    if (element >= front) return {8 * (whole.bytes() + element - front), whole.rows};
    return {8 * (element % whole.bytes()) + bits * (element / whole.bytes()), scale_per_value ? element : element / group};
  }
  KVDIFF_DEVICE AffinePlace channel(int64_t element) const {
    const int64_t line = element / head_size, d = element % head_size;
    const bool front = line < whole_lines();
    const AffinePart& part = front ? whole : rest;
    const int64_t inside = front ? line : line - whole_lines(), row = inside % part.rows;
    const int64_t place = d * (part.columns / head_size) + inside / part.rows;
    return {8 * ((front ? 0 : whole.bytes()) + row % part.chunk * part.columns + place) + bits * (row / part.chunk),
            (front ? 0 : whole.columns) + place};
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
