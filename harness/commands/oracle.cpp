#include "harness/commands/oracle.h"

#ifdef KVDIFF_WITH_TORCH
#include "harness/oracle/float64.h"

namespace kvdiff {

bool built_with_torch() { return true; }
MeasureFloor floor_oracle() { return measure_floor; }

}  // namespace kvdiff
#else

namespace kvdiff {

bool built_with_torch() { return false; }
MeasureFloor floor_oracle() { return {}; }

}  // namespace kvdiff
#endif
