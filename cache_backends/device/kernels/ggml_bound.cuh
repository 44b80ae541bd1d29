#pragma once
#include "cache_backends/codecs/error_bounds.h"
#include "cache_backends/device/kernels/ggml_rule.cuh"
#include "cache_backends/device/kernels/units.cuh"

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// GgmlCodec::error_bound, a thread per block of 32: d and m once more, before they are rounded.
struct GgmlBound : EachElement<GgmlBound> {
  struct Arguments {
    Span<const float> values;
    Span<uint64_t> bounds;  // [units]
    int64_t per_unit;       // blocks
    GgmlBlock block;
    double farthest_step, steps_off;  // GgmlFormat
    Dtype dtype;
  };
  static constexpr const char* name = "ggml_bound";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.bounds.size() * a.per_unit; }
  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    const int64_t i = thread.global();
    if (i < elements(a)) raise_to(thread, a.bounds, i / a.per_unit, bound_of(a, i));
  }

 private:
  KVDIFF_DEVICE static double bound_of(const Arguments& a, int64_t i) {
    const GgmlRule rule = {a.values, a.block};
    const GgmlRule::Ends ends = rule.ends_of(i);
    if (!is_finite(ends.smallest) || !is_finite(ends.largest)) return bounds::infinite;
    const GgmlRule::Step step = rule.step_for(ends);
    GgmlRule::Sums sums;
    if (a.block.kind == GgmlKind::steps)
      for (int j = 0; j < block_values; ++j) {
        const float value = a.values[i * block_values + j];
        sums.add(value, rule.code_of(value, step, ends.smallest));
      }
    const float minimum = a.block.kind == GgmlKind::minimum ? ends.smallest : 0.0f;
    return bounds::of_ggml({magnitude(ends.farthest), rule.scale_of(step, sums), minimum, a.farthest_step, a.steps_off,
                            a.block.kind == GgmlKind::steps}, a.dtype);
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
