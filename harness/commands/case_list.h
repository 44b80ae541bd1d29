#pragma once
#include <string>

#include "harness/run/run.h"
#include "scenarios/plan.h"

namespace kvdiff {

// `--list-cases`: every case with its command line, memory and time, and what was left out; runs nothing. Where an
// estimate cannot be made (no model yet) it says why and goes on.
std::string list_cases(const Plan& plan, const RunPlace& place);

}  // namespace kvdiff
