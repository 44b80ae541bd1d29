#pragma once
#include "cache_backends/codecs/error_bounds.h"
#include "cache_backends/device/kernels/affine_encode.cuh"
#include "cache_backends/device/kernels/units.cuh"

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// AffineCodec::error_bound, a thread per group, from its range.
struct AffineBound : EachElement<AffineBound> {
  struct Arguments {
    Span<const float> smallest, largest;  // groups [first, first + size)
    Span<uint64_t> bounds;                // [units]
    int64_t first, per_unit;              // groups
    AffineForm form;
    float steps;  // 2^bits - 1
    Dtype working, dtype;
  };
  static constexpr const char* name = "affine_bound";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.smallest.size(); }
  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    const int64_t i = thread.global();
    if (i >= elements(a)) return;
    const float smallest = a.smallest[i], largest = a.largest[i];
    const double scale = rounded(a.dtype, affine_scale(a.working, largest - smallest, a.steps));
    raise_to(thread, a.bounds, (a.first + i) / a.per_unit, bounds::of_affine(a.form, {smallest, largest, scale, a.steps}, a.dtype));
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
