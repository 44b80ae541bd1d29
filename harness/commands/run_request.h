#pragma once
#include "harness/options.h"
#include "harness/run/run.h"
#include "scenarios/case.h"

namespace kvdiff {

// What the engine is asked: the case, and from the options where to run and what to dump.
RunRequest request_of(const Case& run, const RunOptions& options);

// Reads the model's config and the prompt, nothing larger.
PlanEstimate estimate_case(const Case& run, const RunOptions& options);

}  // namespace kvdiff
