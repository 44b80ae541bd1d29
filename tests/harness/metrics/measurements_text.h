#pragma once
#include <string>

#include "harness/metrics/measurements.h"

namespace kvdiff::test {

// Every number of what was measured, floats by their bits (any NaN is "nan"): equal texts are equal measurements.
std::string text_of(const LaneMeasurements& lane);

}  // namespace kvdiff::test
