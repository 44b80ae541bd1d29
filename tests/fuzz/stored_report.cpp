#include <cstdint>
#include <string_view>

#include "harness/compare/compare_reports.h"
#include "harness/run_report_json.h"
#include "harness/verdict/verdict.h"
#include "reports/comparison.h"
#include "reports/registry.h"

// Any text is a report or a UserError; what is a report survives being written and read, judged, rendered and compared.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kvdiff;
  try {
    const RunReport report = read_report({reinterpret_cast<const char*>(data), size});
    const std::string once = report_json(report);
    if (report_json(read_report(once)) != once) __builtin_trap();
    comparison_report(compare_reports(report, report, true), {});
    const RunReport verdict = judged(report, report.limits);
    for (const ReportFormat& format : report_formats()) {
      for (const int width : {40, 100}) format.render(verdict, {width, width == 40, width == 100});
    }
  } catch (const UserError&) {
  }
  return 0;
}
