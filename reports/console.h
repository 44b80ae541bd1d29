#pragma once
#include <string>
#include <vector>

#include "harness/run_report.h"
#include "reports/render.h"

namespace kvdiff {

// The report that a person reads top to bottom: the verdict first, then one line per lane, then why.
std::string console_report(const RunReport& report, const RenderOptions& options);

}  // namespace kvdiff
