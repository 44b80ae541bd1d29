#pragma once
#include <string>

#include "harness/run_report.h"

namespace kvdiff {

// Empty when the lane proves what its spec claims; else what is missing or impossible, where, and what to do.
// Every layer and side that claims to quantize must have been encoded and read by attention, with bytes as computed and
// errors inside the format's bound.
std::string receipt_fault(const LaneReport& lane);

}  // namespace kvdiff
