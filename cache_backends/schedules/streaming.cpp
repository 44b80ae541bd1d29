#include <algorithm>

#include "cache_backends/schedules/schedule.h"

namespace kvdiff {

// KIVI (models/llama_kivi.py at 876b4d2): keys wait until R of them form a block, values leave a window of R one by one.
// Nothing is encoded twice. The prompt follows the same rule, so any cutting of it leaves the same state; KIVI's own
// test `length == R` never fires again once a piece of several tokens jumps past R, which is not reproduced.
// Values whose codec shares a scale between tokens wait for a block too: alone, each element would be its own group.
FlushPlan plan_streaming(const Arrival& arrival) {
  const int64_t held = arrival.residual + arrival.fresh;
  const int64_t length = arrival.residual_length;
  if (arrival.side == Side::key || arrival.shares_scale) return {.tokens = held / length * length, .unit = length};
  return {.tokens = std::max<int64_t>(0, held - length)};
}

}  // namespace kvdiff
