#pragma once
#include <cstdint>
#include <vector>

#include "harness/model/files/rope_config.h"

namespace kvdiff {

struct RopeFrequencies {
  std::vector<float> inverse;  // [head_size / 2], radians per position
  float attention_factor = 1;  // multiplies every cosine and sine (yarn)
};

// The inverse frequencies in float32, by the formulas and in the order of operations of transformers 5.23
// (modeling_rope_utils.py, modeling_llama.py). The power is correctly rounded; torch's own is within one unit of it,
// and not the same on every CPU. For `dynamic`: those of a text within max_positions.
RopeFrequencies rope_frequencies(const RopeConfig& rope, int64_t head_size);

// `dynamic` at a length (tokens held, the new ones included): the peer computes them anew in every call that makes the
// text longer than max_positions, from the length after that call. So whole and pieced prefill differ.
RopeFrequencies dynamic_rope_frequencies(const RopeConfig& rope, int64_t head_size, int64_t length);

struct RopeTable {
  int64_t first = 0;          // position of the first row
  int64_t positions = 0;      // rows
  int64_t pairs = 0;          // head_size / 2
  std::vector<float> cosine;  // [positions, pairs]
  std::vector<float> sine;    // [positions, pairs]
};

// Angle = float32(position) x inverse frequency in float32, as the peer; cosine and sine of that angle correctly
// rounded to float32 (through long double: the same on every x86-64), then times attention_factor in float32. Rounding
// to a 16-bit model's type is left to the model.
RopeTable make_rope_table(const RopeFrequencies& frequencies, int64_t first, int64_t positions);

}  // namespace kvdiff
