#include <algorithm>

#include "cache_backends/schedules/schedule.h"

namespace kvdiff {

// Serving engines (vLLM, LMDeploy, llama.cpp): each token is encoded when it is written, and attention reads what was
// written, the newest token included. R > 0 keeps a window of the newest tokens as they came.
FlushPlan plan_immediate(const Arrival& arrival) {
  const int64_t held = arrival.residual + arrival.fresh;
  return {.tokens = std::max<int64_t>(0, held - arrival.residual_length)};
}

}  // namespace kvdiff
