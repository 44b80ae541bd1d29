#include "cache_backends/schedules/schedule.h"

namespace kvdiff {
namespace {

FlushPlan flush_if(bool full) { return {.history = full}; }

}  // namespace

// transformers 5.23, cache_utils.py, QuantizedLayer.update: the first update is quantized whole; later ones flush when
// residual + new tokens reach R. R = 0 and R = 1 flush at every update.
FlushPlan plan_hf(const Arrival& arrival) {
  return flush_if(arrival.first || arrival.residual + arrival.fresh >= arrival.residual_length);
}

// 4.41 to 5.15 but 4.54: the test counts one new token whatever their number, and is skipped while the residual is the
// one-dimensional empty tensor that the prefill and every flush leave behind. So R = 0, 1, 2 all flush at every second
// step, and a piece of a prompt never flushes the piece that came before it.
FlushPlan plan_hf_5_15(const Arrival& arrival) {
  return flush_if(arrival.first || (arrival.residual > 0 && arrival.residual + 1 >= arrival.residual_length));
}

// 4.54's QuantizedCacheProcessor.post_update tests the residual after the new tokens have joined it.
FlushPlan plan_hf_4_54(const Arrival& arrival) {
  const int64_t joined = arrival.residual + arrival.fresh;
  return flush_if(arrival.first || joined >= arrival.residual_length);
}

}  // namespace kvdiff
