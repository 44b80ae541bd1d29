#include "cache_backends/codecs/ggml_blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cache_backends/error.h"

namespace kvdiff {
namespace {

struct Extremes {
  float smallest, largest, farthest;  // farthest: the value of largest magnitude, the first of equals
};

// NaN wins.
Extremes extremes(const float* values) {
  Extremes found = {values[0], values[0], values[0]};
  for (int64_t j = 0; j < ggml_block; ++j) {
    if (std::isnan(values[j])) return {values[j], values[j], values[j]};
    found.smallest = std::min(found.smallest, values[j]);
    found.largest = std::max(found.largest, values[j]);
    if (std::fabs(values[j]) > std::fabs(found.farthest)) found.farthest = values[j];
  }
  return found;
}

float inverse(float scale) { return scale == 0.0f ? 0.0f : 1.0f / scale; }

// Toward zero, into [0, largest]; NaN is 0.
int8_t truncated(float code, float largest) {
  code = code > 0.0f ? code : 0.0f;
  return static_cast<int8_t>(code < largest ? code : largest);
}

void quantize_q8_0(const float* values, GgmlBlock& block) {
  block.scale = std::fabs(extremes(values).farthest) / 127.0f;
  const float id = inverse(block.scale);
  for (int64_t j = 0; j < ggml_block; ++j) {
    const float scaled = values[j] * id, magnitude = std::fabs(scaled), whole = std::floor(magnitude);
    const float code = std::copysign(whole + (magnitude - whole >= 0.5f ? 1.0f : 0.0f), scaled);
    block.codes[j] = static_cast<int8_t>(code != code ? 0.0f : std::clamp(code, -127.0f, 127.0f));
  }
}

template <int half>  // 8, 16
void quantize_centred(const float* values, GgmlBlock& block) {
  block.scale = extremes(values).farthest / -static_cast<float>(half);
  const float id = inverse(block.scale);
  for (int64_t j = 0; j < ggml_block; ++j)
    block.codes[j] = truncated(values[j] * id + (static_cast<float>(half) + 0.5f), 2 * half - 1);
}

template <int largest>  // 15, 31
void quantize_from_minimum(const float* values, GgmlBlock& block) {
  const Extremes ends = extremes(values);
  block.minimum = ends.smallest;
  block.scale = (ends.largest - ends.smallest) / static_cast<float>(largest);
  const float id = inverse(block.scale);
  for (int64_t j = 0; j < ggml_block; ++j)
    block.codes[j] = truncated((values[j] - ends.smallest) * id + 0.5f, largest);
}

// The upper of two neighbouring steps on a tie, as best_index_int8's comparison has it.
int8_t nearest_step(float value) {
  if (value <= iq4_nl_steps[0]) return 0;
  for (int8_t i = 1; i < 16; ++i) {
    const float below = iq4_nl_steps[i - 1], above = iq4_nl_steps[i];
    if (value < above) return value - below < above - value ? static_cast<int8_t>(i - 1) : i;
  }
  return 15;
}

// quantize_row_iq4_nl_impl without importances and without a search (ntry = -1), sums in order.
void quantize_iq4_nl(const float* values, GgmlBlock& block) {
  const float farthest = extremes(values).farthest;
  if (std::fabs(farthest) < 1e-15f) return;
  const float id = 1.0f / (farthest / static_cast<float>(iq4_nl_steps[0]));
  float products = 0, squares = 0;
  for (int64_t j = 0; j < ggml_block; ++j) {
    block.codes[j] = nearest_step(id * values[j]);
    const float step = iq4_nl_steps[block.codes[j]], weight = values[j] * values[j];
    products += weight * step * values[j];
    squares += weight * step * step;
  }
  block.scale = products / squares;
}

// steps_off: q4_0 and q5_0 reach one step less on the other side; iq4_nl is bounded by its own codec.
constexpr GgmlFormat formats[] = {
    {"q8_0", 8, false, 0, quantize_q8_0, 0.5},
    {"q5_1", 5, true, 0, quantize_from_minimum<31>, 0.5},
    {"q5_0", 5, false, 16, quantize_centred<16>, 1.0},
    {"q4_1", 4, true, 0, quantize_from_minimum<15>, 0.5},
    {"q4_0", 4, false, 8, quantize_centred<8>, 1.0},
    {"iq4_nl", 4, false, 0, quantize_iq4_nl, 14.0, true},
};

}  // namespace

const int8_t iq4_nl_steps[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

const GgmlFormat& ggml_format(std::string_view name) {
  for (const GgmlFormat& format : formats)
    if (format.name == name) return format;
  throw InternalError("no ggml format " + std::string(name));
}

void require_whole_blocks(const GgmlFormat& format, int64_t head_size) {
  if (head_size % ggml_block == 0) return;
  throw UserError(ExitCode::usage, fmt::format("{}: found heads of {} channels, expected a multiple of {}: ggml's blocks lie "
                                               "along the head, and llama.cpp refuses the rest too; choose another codec",
                                               format.name, head_size, ggml_block));
}

void pack_ggml(const GgmlFormat& format, const int8_t* codes, uint8_t* packed) {
  if (format.bits == 8) {
    std::transform(codes, codes + ggml_block, packed, [](int8_t code) { return static_cast<uint8_t>(code); });
    return;
  }
  if (format.bits == 5) {
    for (int byte = 0; byte < 4; ++byte) {
      int fifth = 0;
      for (int bit = 0; bit < 8; ++bit) fifth |= (codes[8 * byte + bit] >> 4) << bit;
      packed[byte] = static_cast<uint8_t>(fifth);
    }
    packed += 4;
  }
  for (int j = 0; j < 16; ++j) packed[j] = static_cast<uint8_t>((codes[j] & 15) | ((codes[j + 16] & 15) << 4));
}

void unpack_ggml(const GgmlFormat& format, const uint8_t* packed, uint8_t* codes) {
  if (format.bits == 8) {
    std::copy(packed, packed + ggml_block, codes);
    return;
  }
  const uint8_t* nibbles = packed + (format.bits == 5 ? 4 : 0);
  for (int j = 0; j < 16; ++j) codes[j] = nibbles[j] & 15;
  for (int j = 0; j < 16; ++j) codes[j + 16] = nibbles[j] >> 4;
  if (format.bits != 5) return;
  for (int j = 0; j < 32; ++j) codes[j] = static_cast<uint8_t>(codes[j] | ((packed[j / 8] >> (j % 8)) & 1) << 4);
}

}  // namespace kvdiff
