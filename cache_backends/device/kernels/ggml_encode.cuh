#pragma once
#include "cache_backends/device/kernels/ggml_rule.cuh"

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// Blocks of 32 to codes, d and m: codecs/ggml_blocks.cpp. One thread per block; its codes pass through registers.
struct GgmlQuantize : EachElement<GgmlQuantize> {
  struct Arguments {
    Span<const float> values;
    Span<uint8_t> packed;
    Span<float> scale, zero;  // zero: empty where there is no minimum
    GgmlBlock block;
  };
  static constexpr const char* name = "ggml_quantize";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.scale.size(); }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t i) {
    const GgmlRule rule = {a.values, a.block};
    const GgmlRule::Ends ends = rule.ends_of(i);
    const GgmlRule::Step step = rule.step_for(ends);
    Codes codes;
    GgmlRule::Sums sums;
    for (int j = 0; j < block_values; ++j) {
      const float value = a.values[i * block_values + j];
      const int code = rule.code_of(value, step, ends.smallest);
      if (a.block.kind == GgmlKind::signed_bytes) a.packed[i * block_values + j] = static_cast<uint8_t>(code);
      else codes.put(j, code);
      if (a.block.kind == GgmlKind::steps) sums.add(value, code);
    }
    if (a.block.kind != GgmlKind::signed_bytes) codes.write(a, i);
    a.scale[i] = canonical(rounded(Dtype::float16, rule.scale_of(step, sums)));
    if (a.block.kind == GgmlKind::minimum) a.zero[i] = canonical(rounded(Dtype::float16, ends.smallest));
  }

 private:
  struct Codes {
    uint64_t low = 0, high = 0;  // nibbles of values 0 to 15 and 16 to 31
    uint32_t fifth = 0;
    KVDIFF_DEVICE void put(int j, int code) {
      const uint64_t nibble = static_cast<uint64_t>(code & 15) << (j % 16 * 4);
      if (j < 16) low |= nibble;
      else high |= nibble;
      fifth |= static_cast<uint32_t>(code >> 4) << j;
    }
    KVDIFF_DEVICE void write(const Arguments& a, int64_t i) const {
      int64_t at = i * a.block.bytes();
      if (a.block.bits == 5)
        for (int byte = 0; byte < 4; ++byte) a.packed[at++] = static_cast<uint8_t>(fifth >> (8 * byte));
      for (int j = 0; j < 16; ++j)
        a.packed[at + j] = static_cast<uint8_t>(((low >> (4 * j)) & 15) | (((high >> (4 * j)) & 15) << 4));
    }
  };
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
