#pragma once
#include "cache_backends/device/kernels/affine_format.cuh"

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

KVDIFF_DEVICE float affine_scale(Dtype working, float range, float steps) { return rounded(working, rounded(working, range) / steps); }

// Ranges to scales and offsets, as codes are found with them and as they are stored: codecs/affine.cpp, parameters().
struct AffineParameters : EachElement<AffineParameters> {
  struct Arguments {
    Span<const float> smallest, largest;  // [groups]
    Span<float> scale, offset;            // of the working type
    Span<float> stored_scale, stored_offset;
    AffineForm form;
    float steps;  // 2^bits - 1
    Dtype working, dtype;
  };
  static constexpr const char* name = "affine_parameters";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.scale.size(); }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t i) {
    const float smallest = a.smallest[i];
    const float scale = affine_scale(a.working, a.largest[i] - smallest, a.steps);
    float offset = smallest;
    if (a.form == AffineForm::shift) offset = rounded(a.working, -smallest);
    if (a.form == AffineForm::zero) offset = rounded(a.working, -smallest / scale);
    a.scale[i] = scale;
    a.offset[i] = offset;
    a.stored_scale[i] = canonical(rounded(a.dtype, scale));
    a.stored_offset[i] = canonical(rounded(a.dtype, offset));
  }
};

// Values to packed codes: kernels/affine_kernel.inc, encode(). One thread per byte.
struct AffineCodes : EachElement<AffineCodes> {
  struct Arguments {
    Span<const float> values, scale, offset;
    Span<uint8_t> packed;
    AffineLayout layout;
    AffineForm form;
    float largest;
    Dtype working;
  };
  static constexpr const char* name = "affine_codes";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.packed.size(); }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t byte) {
    int together = 0;
    for (int64_t slot = 0; slot < 8 / a.layout.bits; ++slot) {
      const int64_t element = a.layout.element_of(byte, slot);
      if (element >= 0) together |= code_of(a, element) << (slot * a.layout.bits);
    }
    a.packed[byte] = static_cast<uint8_t>(together);
  }

 private:
  KVDIFF_DEVICE static int code_of(const Arguments& a, int64_t element) {
    const int64_t group = a.layout.at(element).group;
    const float value = a.values[element], scale = a.scale[group], offset = a.offset[group];
    float code = 0;
    if (a.form == AffineForm::shift) code = rounded(a.working, rounded(a.working, value + offset) / scale);
    if (a.form == AffineForm::minimum) code = rounded(a.working, rounded(a.working, value - offset) / scale);
    if (a.form == AffineForm::zero)
      code = rounded(a.working, rounded(a.working, rounded(a.working, value / scale) + offset) + 0.5f);
    code = code > 0.0f ? code : 0.0f;  // NaN becomes 0
    code = code < a.largest ? code : a.largest;
    return static_cast<int>(a.form == AffineForm::zero ? code : nearest(code));
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
