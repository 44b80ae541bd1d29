#pragma once
#include "cache_backends/codecs/error_bounds.h"
#include "cache_backends/device/kernels/group_ranges.cuh"
#include "cache_backends/device/kernels/hqq_encode.cuh"
#include "cache_backends/device/kernels/units.cuh"

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// HqqCodec::error_bound, a thread per group: its range once more, since the solver and the storing went over scale and zero.
struct HqqBound : EachElement<HqqBound> {
  struct Arguments {
    HqqTensor tensor;
    Span<uint64_t> bounds;  // [1]: groups lie across tokens
    float largest_code;
    bool guards, solves_in_half;
    double shift;  // HqqOptions::largest_shift()
    Dtype dtype;
  };
  static constexpr const char* name = "hqq_bound";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.tensor.places.groups(); }
  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    const int64_t group = thread.global();
    if (group >= elements(a)) return;
    const HqqPlaces& p = a.tensor.places;
    const int64_t first = p.axis == 1 ? group * p.columns : group, stride = p.axis == 1 ? 1 : p.columns;
    const int64_t count = p.axis == 1 ? p.columns : p.rows;
    float low = a.tensor.values[first], high = low;
    for (int64_t i = 1; i < count; ++i) {
      low = smaller(low, a.tensor.values[first + i * stride]);
      high = larger(high, a.tensor.values[first + i * stride]);
    }
    const float scale = HqqRanges::scale_of(high - low, a.largest_code, a.guards);
    raise_to(thread, a.bounds, 0, bounds::of_hqq({low, high, scale, a.largest_code, a.shift, a.solves_in_half}, a.dtype));
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
