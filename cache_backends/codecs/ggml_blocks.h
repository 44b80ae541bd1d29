#pragma once
#include <cstdint>
#include <string_view>

namespace kvdiff {

constexpr int64_t ggml_block = 32;  // values

// One block, quantized: d and m as float32, before they are rounded to float16.
struct GgmlBlock {
  float scale = 0, minimum = 0;
  int8_t codes[ggml_block] = {};  // q8_0: -127 to 127; the others from 0
};

struct GgmlFormat {
  std::string_view name;
  int bits = 4;
  bool has_minimum = false;
  int bias = 0;                // decoding: (code - bias) * d + m; iq4_nl: table instead
  void (*quantize)(const float* values, GgmlBlock& block);
  // Steps of d that a value may lie from what it decodes to, before anything is rounded.
  double steps_off = 0.5;
  bool table = false;
  double farthest_step() const { return table || bits == 8 ? 127.0 : (1 << bits) - 1; }
  int64_t packed() const { return bits == 8 ? 32 : bits == 5 ? 20 : 16; }  // bytes
};
const GgmlFormat& ggml_format(std::string_view name);  // throws InternalError
// Throws UserError(usage) where blocks do not lie whole in a head.
void require_whole_blocks(const GgmlFormat& format, int64_t head_size);

// What the codes of iq4_nl stand for.
extern const int8_t iq4_nl_steps[16];

// The codes of a block <-> its packed bytes.
void pack_ggml(const GgmlFormat& format, const int8_t* codes, uint8_t* packed);
void unpack_ggml(const GgmlFormat& format, const uint8_t* packed, uint8_t* codes);  // q8_0: as they lie in a byte

}  // namespace kvdiff
