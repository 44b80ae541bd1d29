#pragma once
#include <string>

#include "harness/compare/compare_reports.h"
#include "reports/render.h"

namespace kvdiff {

// For a person: what changed, lane by lane; at the top, and loudly, that it compares two different things when it does.
std::string comparison_report(const Comparison& comparison, const RenderOptions& options);

}  // namespace kvdiff
