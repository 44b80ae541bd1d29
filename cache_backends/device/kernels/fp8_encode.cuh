#pragma once
#include "cache_backends/device/kernels/fp8_format.cuh"

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// Scales of ranges: codecs/fp8.cpp, scale_of(). Nothing at all has a largest magnitude of 0.
struct Fp8Scale : EachElement<Fp8Scale> {
  struct Arguments {
    Span<const float> smallest, largest;  // [groups]
    Span<float> scale;
    float divisor, least;
  };
  static constexpr const char* name = "fp8_scale";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.scale.size(); }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t i) {
    const float low = a.smallest[i], high = a.largest[i];
    const float scale = (low > high ? 0.0f : larger(magnitude(low), magnitude(high))) / a.divisor;
    a.scale[i] = canonical(scale < a.least ? a.least : scale);
  }
};

// Values to codes: codecs/fp8.cpp, encode(). One thread per byte.
struct Fp8Codes : EachElement<Fp8Codes> {
  struct Arguments {
    Span<const float> values, scale;  // scale: empty where it is held
    Span<uint8_t> packed;
    Fp8Number number;
    int64_t run;  // values that share a scale
    float held;
    bool by_reciprocal;  // x * (1 / scale), not x / scale
  };
  static constexpr const char* name = "fp8_codes";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.packed.size(); }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t i) {
    const float value = a.values[i], scale = a.scale.size() > 0 ? a.scale[i / a.run] : a.held;
    const float scaled = a.by_reciprocal ? value * (1.0f / scale) : value / scale, largest = a.number.largest();
    const float kept = scaled > largest ? largest : scaled < -largest ? -largest : scaled;  // NaN passes
    a.packed[i] = a.number.bits(kept);
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
