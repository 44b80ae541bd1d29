#include <fmt/format.h>

#include "cache_backends/error.h"
#include "cache_backends/nearest.h"
#include "cache_backends/schedules/schedule.h"
#include "cache_backends/spec_text.h"

namespace kvdiff {
namespace {

constexpr ScheduleRow schedule_rows[] = {
    {"full", "every token in full precision, for good", "transformers 5.23 DynamicCache",
     "never", 0, 0, true, plan_full},
    {"hf", "the whole history is encoded again, from its decoded values, at every flush", "transformers 5.23",
     "when residual + new tokens >= R: every R steps (every step for R = 0 or 1)", 128, 0, false, plan_hf},
    {"hf-5.15", "as hf, with the older flush test", "transformers 4.41 to 5.15 but 4.54",
     "when the residual is not empty and residual + 1 >= R: every R steps (every 2nd step for R = 0, 1 or 2)", 128, 0,
     false, plan_hf_5_15},
    {"hf-4.54", "as hf, by the cache processor of 4.54", "transformers 4.54",
     "when the residual, new tokens included, reaches R: every R steps (every step for R = 0 or 1)", 128, 0, false,
     plan_hf_4_54},
    {"streaming", "each token is encoded once, when it leaves the residual", "KIVI 876b4d2",
     "keys: a block of R tokens whenever R have gathered; values: the oldest token whenever there are more than R", 128,
     1, false, plan_streaming},
    {"immediate", "each token is encoded when it is written", "vLLM, LMDeploy, llama.cpp",
     "at every step: what exceeds a window of the R newest tokens", 0, 0, true, plan_immediate},
    {"hf-fp8", "each token is encoded when it arrives, with the scale of the first update", "transformers 5.23 fp8",
     "at every update, and has no residual", 0, 0, true, plan_immediate, 0},
};

}  // namespace

FlushPlan plan_full(const Arrival&) { return {.tokens = 0}; }

std::span<const ScheduleRow> schedules() { return schedule_rows; }

const ScheduleRow& find_schedule(std::string_view name) {
  std::vector<std::string_view> names;
  for (const ScheduleRow& row : schedule_rows) {
    if (row.name == name) return row;
    names.push_back(row.name);
  }
  throw UserError(ExitCode::usage, fmt::format("unknown schedule {}: expected one of {}. Did you mean '{}'?",
                                               quoted(name), joined(names), nearest_match(name, names)));
}

}  // namespace kvdiff
