#pragma once
#include "cache_backends/device/kernels/ggml_format.cuh"

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
    const Ends ends = ends_of(a, i);
    const Step step = step_for(a.block, ends);
    Codes codes;
    float products = 0, squares = 0;  // of iq4_nl
    for (int j = 0; j < block_values; ++j) {
      const float value = a.values[i * block_values + j];
      const int code = step.silent ? 0 : code_of(a.block, value, step.inverse, ends.smallest);
      if (a.block.kind == GgmlKind::signed_bytes) a.packed[i * block_values + j] = static_cast<uint8_t>(code);
      else codes.put(j, code);
      if (a.block.kind != GgmlKind::steps) continue;
      const float at = static_cast<float>(step_of(code)), weight = value * value;
      products = products + weight * at * value;
      squares = squares + weight * at * at;
    }
    if (a.block.kind != GgmlKind::signed_bytes) codes.write(a, i);
    const float scale = a.block.kind != GgmlKind::steps ? step.scale : step.silent ? 0.0f : products / squares;
    a.scale[i] = canonical(rounded(Dtype::float16, scale));
    if (a.block.kind == GgmlKind::minimum) a.zero[i] = canonical(rounded(Dtype::float16, ends.smallest));
  }

 private:
  struct Ends {
    float smallest, largest, farthest;  // farthest: of largest magnitude, the first of equals
  };
  struct Step {
    float scale, inverse;
    bool silent;  // iq4_nl, below 1e-15: codes 0 and d = 0
  };
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

  KVDIFF_DEVICE static Ends ends_of(const Arguments& a, int64_t i) {
    const float first = a.values[i * block_values];
    Ends found = {first, first, first};
    for (int j = 0; j < block_values; ++j) {
      const float value = a.values[i * block_values + j];
      if (value != value) return {value, value, value};
      if (value < found.smallest) found.smallest = value;
      if (found.largest < value) found.largest = value;
      if (magnitude(value) > magnitude(found.farthest)) found.farthest = value;
    }
    return found;
  }

  KVDIFF_DEVICE static Step step_for(const GgmlBlock& block, const Ends& ends) {
    if (block.kind == GgmlKind::steps)
      return {0.0f, 1.0f / (ends.farthest / -127.0f), magnitude(ends.farthest) < 1e-15f};
    float scale = magnitude(ends.farthest) / 127.0f;
    if (block.kind == GgmlKind::centred) scale = ends.farthest / -static_cast<float>(block.half());
    if (block.kind == GgmlKind::minimum) scale = (ends.largest - ends.smallest) / static_cast<float>(block.largest());
    return {scale, scale == 0.0f ? 0.0f : 1.0f / scale, false};
  }

  // Toward zero, into [0, largest]; NaN is 0.
  KVDIFF_DEVICE static int truncated(float code, float largest) {
    code = code > 0.0f ? code : 0.0f;
    return static_cast<int>(code < largest ? code : largest);
  }
  // Away from zero on a tie, into [-127, 127]; NaN is 0.
  KVDIFF_DEVICE static int away(float scaled) {
    if (scaled != scaled) return 0;
    const float size = magnitude(scaled), near = nearest(size), whole = near > size ? near - 1.0f : near;
    const float code = whole + (size - whole >= 0.5f ? 1.0f : 0.0f);
    const int kept = static_cast<int>(code > 127.0f ? 127.0f : code);
    return scaled < 0.0f ? -kept : kept;
  }
  // The upper of two neighbouring steps on a tie; NaN is the last.
  KVDIFF_DEVICE static int nearest_step(float value) {
    if (value <= -127.0f) return 0;
    for (int i = 1; i < 16; ++i) {
      const float below = static_cast<float>(step_of(i - 1)), above = static_cast<float>(step_of(i));
      if (value < above) return value - below < above - value ? i - 1 : i;
    }
    return 15;
  }
  KVDIFF_DEVICE static int code_of(const GgmlBlock& block, float value, float inverse, float smallest) {
    const float largest = static_cast<float>(block.largest());
    if (block.kind == GgmlKind::signed_bytes) return away(value * inverse);
    if (block.kind == GgmlKind::centred) return truncated(value * inverse + (static_cast<float>(block.half()) + 0.5f), largest);
    if (block.kind == GgmlKind::minimum) return truncated((value - smallest) * inverse + 0.5f, largest);
    return nearest_step(inverse * value);
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
