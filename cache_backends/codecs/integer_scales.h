#pragma once
#include <span>
#include <vector>

#include "cache_backends/codec.h"
#include "cache_backends/kernels/integer.h"

namespace kvdiff {

struct IntegerFormat {
  int bits = 8;
  IntegerPer per = IntegerPer::token_head;
  bool offset = false;  // scheme=zero
  bool frozen = false;  // scale=frozen

  float largest() const { return static_cast<float>(offset ? (1 << bits) - 1 : (1 << (bits - 1)) - 1); }
  float smallest() const { return offset ? 0.0f : bits == 8 ? -128.0f : -largest(); }
};

// Scales of a block: one per element of the layout in integer.h. `zero` is empty when symmetric.
struct IntegerScales {
  std::vector<float> scale, zero;
};

// Where the scales of row (batch, head, token) begin; per=channel: the first of head_size neighbours.
struct ScaleLayout {
  BlockShape shape;
  IntegerPer per = IntegerPer::token_head;
  bool one_sequence = false;  // frozen: [H, D] serves every sequence

  int64_t count() const;
  int64_t at(int64_t row) const;
};

// Throws InternalError where scales that were taken from another block do not serve this one.
void require_held_shape(const IntegerScales& held, const ScaleLayout& layout);

IntegerScales integer_scales(const IntegerFormat& format, const ScaleLayout& layout, std::span<const float> values);

}  // namespace kvdiff
