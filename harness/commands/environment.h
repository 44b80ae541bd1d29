#pragma once
#include "harness/run_report.h"

namespace kvdiff {

// Adds to a report where and when it was made: the program, the compiler, the machine, the time.
void describe_environment(EnvironmentReport& environment);

}  // namespace kvdiff
