#pragma once
#include "cache_backends/codecs/error_bounds.h"
#include "cache_backends/device/kernels/fp8_format.cuh"
#include "cache_backends/device/kernels/units.cuh"

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// Fp8Codec::error_bound, value by value.
struct Fp8Bound : EachBound<Fp8Bound> {
  struct Arguments {
    Span<const float> values, scale;  // scale: empty where it is held
    Span<uint64_t> bounds;            // [units]
    int64_t per_unit;
    int64_t run;  // values that share a scale
    float held, largest;
    double half_unit, smallest;  // Fp8Rules
    Dtype dtype;
  };
  static constexpr const char* name = "fp8_bound";
  KVDIFF_DEVICE static double bound_of(const Arguments& a, int64_t element) {
    const float scale = a.scale.size() > 0 ? a.scale[element / a.run] : a.held;
    return bounds::of_fp8(a.values[element], {scale, a.largest, a.half_unit, a.smallest}, a.dtype);
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
