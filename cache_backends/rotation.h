#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "cache_backends/cache_spec.h"
#include "cache_backends/dtype.h"

namespace kvdiff {

// A Hadamard rotation of K and V in front of the codec, after RoPE: it spreads outlier channels over a block of
// channels. The cache keeps rotated values only; attention rotates its queries, and its outputs back, so that nothing
// changes but what the codec loses. As llama.cpp has it since its pull request 21038 (April 2026): H / sqrt(n),
// symmetric, its own inverse; n is the largest power of two of at least 64 that divides the head size for keys, and 64
// for values.

// n. Throws UserError(usage) where 64 does not divide the head size (llama.cpp then leaves the rotation out).
int64_t rotation_block(Side side, int64_t head_size);
int64_t rotation_of(const SideSpec& spec, Side side, int64_t head_size);  // the same where the spec has rotate=hadamard, else 0

// rows [count, head_size], in place, in float32: log2(n) passes of (a + b, a - b) over pairs 1, 2, 4, ... apart, then one
// product with float(1 / sqrt(n)).
void rotate(std::span<float> rows, int64_t block);
// What a cache keeps of them: rotated and rounded to the dtype.
std::vector<float> rotated(std::span<const float> rows, int64_t block, Dtype dtype);

}  // namespace kvdiff
