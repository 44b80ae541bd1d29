#pragma once
#include <string_view>

#include "harness/diagnose/diagnosis.h"
#include "harness/run/run.h"

namespace kvdiff {

// How much may be asked: trials, or a time that is turned into trials once, when the candidate has run.
struct Budget {
  int64_t trials = 240;
  double seconds = 0;  // above 0: a time was given
  bool trusts_the_cache = false;  // the cache is not compared with its spec: its format alone is asked
};
// "240" trials, "90s", "2m". Throws UserError(usage).
Budget parse_budget(std::string_view text);

// `further`: prompts that the set named on the case's own is tried on, by two trials each.
// Why the case's one candidate parts from the reference. Throws what run_case throws, and UserError(usage) for a case that
// has not exactly one candidate, or one that quantizes nothing.
Diagnosis diagnose(const Case& run, const Budget& budget, const RunPlace& place, const RunHooks& hooks,
                   const std::vector<PromptSource>& further = {});

}  // namespace kvdiff
