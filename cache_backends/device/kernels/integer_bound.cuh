#pragma once
#include "cache_backends/codecs/error_bounds.h"
#include "cache_backends/device/kernels/integer_format.cuh"
#include "cache_backends/device/kernels/units.cuh"

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// IntegerCodec::error_bound, value by value.
struct IntegerBound : EachBound<IntegerBound> {
  struct Arguments {
    Span<const float> values, scale, zero;
    Span<uint64_t> bounds;  // [units]
    int64_t per_unit;
    IntegerPlace place;
    IntegerRow codes;
    Rounding round;
    Dtype dtype;
  };
  static constexpr const char* name = "integer_bound";
  KVDIFF_DEVICE static double bound_of(const Arguments& a, int64_t element) {
    const int64_t line = element / a.codes.head_size;
    const int64_t at = a.place.scale(line / a.place.tokens, line % a.place.tokens, element % a.codes.head_size);
    const double step = a.scale[at], base = a.codes.offset ? static_cast<double>(a.zero[at]) : 0.0;
    return bounds::of_integer(a.values[element], {step, base, a.codes.smallest(), a.codes.largest()}, a.round, a.dtype);
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
