#pragma once
#include "cache_backends/device/kernels/integer_format.cuh"

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// Scales and zeros of ranges: codecs/integer_scales.cpp, integer_scales().
struct IntegerScale : EachElement<IntegerScale> {
  struct Arguments {
    Span<const float> smallest, largest;  // [groups]
    Span<float> scale, zero;              // zero: empty when symmetric
    IntegerRow codes;
  };
  static constexpr const char* name = "integer_scale";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.scale.size(); }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t i) {
    const float low = a.smallest[i], high = a.largest[i];
    if (a.codes.offset) {
      const float scale = (high - low) / a.codes.largest();
      a.scale[i] = canonical(scale == 0.0f ? 1.0f : scale);
      a.zero[i] = canonical(low);
    } else {
      const float scale = larger(magnitude(low), magnitude(high)) / a.codes.largest();
      a.scale[i] = canonical(scale < 1e-6f ? 1e-6f : scale);
    }
  }
};

// Values to packed codes: kernels/integer_kernel.inc, encode(). One thread per byte.
struct IntegerCodes : EachElement<IntegerCodes> {
  struct Arguments {
    Span<const float> values, scale, zero;
    Span<uint8_t> packed;
    IntegerPlace place;
    IntegerRow codes;
    Rounding round;
  };
  static constexpr const char* name = "integer_codes";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.packed.size(); }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t i) {
    const int64_t bytes = a.codes.bytes(), line = i / bytes, d = i % bytes;
    int code = code_of(a, line, d) + a.codes.bias();
    if (a.codes.bits == 4 && d + bytes < a.codes.head_size)
      code |= (code_of(a, line, d + bytes) + a.codes.bias()) << 4;
    a.packed[i] = static_cast<uint8_t>(code);
  }

 private:
  KVDIFF_DEVICE static int code_of(const Arguments& a, int64_t line, int64_t d) {
    const int64_t at = a.place.scale(line / a.place.tokens, line % a.place.tokens, d);
    const float value = a.values[line * a.codes.head_size + d], scale = a.scale[at];
    float code = a.codes.offset ? (value - a.zero[at]) / scale : value * (1.0f / scale);
    code = code < a.codes.smallest() ? a.codes.smallest() : code;
    code = code > a.codes.largest() ? a.codes.largest() : code;
    return code != code ? 0 : static_cast<int>(rounded_as(a.round, code));
  }
  KVDIFF_DEVICE static float rounded_as(Rounding round, float value) {
    if (round == Rounding::even) return nearest(value);
    const float whole = static_cast<float>(static_cast<int>(value));
    if (round == Rounding::truncate) return whole;
    const float rest = value - whole;  // exact, so that 0.5 is 0.5
    return whole + (rest >= 0.5f ? 1.0f : 0.0f) - (rest <= -0.5f ? 1.0f : 0.0f);
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
