#include "harness/run_report_json.h"
#include "reports/registry.h"

namespace kvdiff {

std::string render_json(const RunReport& report, const RenderOptions&) { return report_json(report); }

}  // namespace kvdiff
