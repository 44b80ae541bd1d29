#pragma once
#include "harness/run/run.h"

namespace kvdiff {

bool built_with_torch();
// What measures the arithmetic floor; empty in a build without torch.
MeasureFloor floor_oracle();

}  // namespace kvdiff
