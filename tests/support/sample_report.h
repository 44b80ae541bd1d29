#pragma once
#include "harness/run_report.h"

// A report as a run of SmolLM2 over five caches could have made it: every field is in use somewhere. Made by hand, from
// integer arithmetic alone, so that it is the same on every machine. Not judged yet.
namespace kvdiff {

RunReport sample_report();

// The same with its first layers alone: short enough to be read as JSON.
RunReport with_few_layers(RunReport report);

// The same run with limits and with lanes for the remaining statuses: a receipt that proves nothing, an error, a lane that
// was skipped. Judged: exit code 8.
RunReport judged_sample_report();

}  // namespace kvdiff
