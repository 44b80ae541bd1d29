#pragma once
#include <cstdint>
#include <string>

#include "harness/metrics/measurements.h"

namespace kvdiff {

// Numbers as a person reads them: whole ones whole, else three significant digits, 1e-05 below a thousandth; thousands apart.
std::string short_number(double value);
std::string short_number(const Figure& figure, std::string_view otherwise);
std::string grouped(int64_t value);        // 8,747
std::string size_text(int64_t bytes);     // 1.61 MiB
std::string percent_text(double share);    // 71.9%
std::string counted(int64_t count, std::string_view singular, std::string_view plural);  // 1 step, 2 steps

}  // namespace kvdiff
