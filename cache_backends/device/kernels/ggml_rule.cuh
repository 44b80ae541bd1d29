#pragma once
#include "cache_backends/device/kernels/ggml_format.cuh"

// How llama.cpp's blocks find d and codes: codecs/ggml_blocks.cpp.
namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

struct GgmlRule {
  Span<const float> values;
  GgmlBlock block;

  struct Ends {
    float smallest, largest, farthest;  // farthest: of largest magnitude, the first of equals
  };
  struct Step {
    float scale, inverse;
    bool silent;  // iq4_nl, below 1e-15: codes 0 and d = 0
  };
  // What iq4_nl takes d from.
  struct Sums {
    float products = 0, squares = 0;
    KVDIFF_DEVICE void add(float value, int code) {
      const float at = static_cast<float>(step_of(code)), weight = value * value;
      products = products + weight * at * value;
      squares = squares + weight * at * at;
    }
  };

  KVDIFF_DEVICE Ends ends_of(int64_t i) const {
    const float first = values[i * block_values];
    Ends found = {first, first, first};
    for (int j = 0; j < block_values; ++j) {
      const float value = values[i * block_values + j];
      if (value != value) return {value, value, value};
      if (value < found.smallest) found.smallest = value;
      if (found.largest < value) found.largest = value;
      if (magnitude(value) > magnitude(found.farthest)) found.farthest = value;
    }
    return found;
  }
  KVDIFF_DEVICE Step step_for(const Ends& ends) const {
    if (block.kind == GgmlKind::steps)
      return {0.0f, 1.0f / (ends.farthest / -127.0f), magnitude(ends.farthest) < 1e-15f};
    float scale = magnitude(ends.farthest) / 127.0f;
    if (block.kind == GgmlKind::centred) scale = ends.farthest / -static_cast<float>(block.half());
    if (block.kind == GgmlKind::minimum) scale = (ends.largest - ends.smallest) / static_cast<float>(block.largest());
    return {scale, scale == 0.0f ? 0.0f : 1.0f / scale, false};
  }
  KVDIFF_DEVICE int code_of(float value, const Step& step, float smallest) const {
    const float largest = static_cast<float>(block.largest()), inverse = step.inverse;
    if (step.silent) return 0;
    if (block.kind == GgmlKind::signed_bytes) return away(value * inverse);
    if (block.kind == GgmlKind::centred) return truncated(value * inverse + (static_cast<float>(block.half()) + 0.5f), largest);
    if (block.kind == GgmlKind::minimum) return truncated((value - smallest) * inverse + 0.5f, largest);
    return nearest_step(inverse * value);
  }
  // d, before it is rounded.
  KVDIFF_DEVICE float scale_of(const Step& step, const Sums& sums) const {
    return block.kind != GgmlKind::steps ? step.scale : step.silent ? 0.0f : sums.products / sums.squares;
  }

 private:
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
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
