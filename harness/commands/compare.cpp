#include <memory>

#include "harness/commands/command.h"
#include "harness/commands/output.h"
#include "harness/commands/terminal.h"
#include "harness/run_report_json.h"

namespace kvdiff {
namespace {

struct CompareOptions {
  std::string before, after;
  bool anyway = false;
};

// Says what changed; whether that is too much is a matter of limits (`kvdiff show --limit`), so it ends with 0.
ExitCode compare(const CompareOptions& options, const ReportRoom& reports) {
  const RunReport before = read_report_file(options.before), after = read_report_file(options.after);
  print(reports.comparison(compare_reports(before, after, options.anyway), options_for_standard_output()));
  return ExitCode::passed;
}

}  // namespace

std::function<ExitCode()> declare_compare(CLI::App& parser, const ReportRoom& reports) {
  const auto options = std::make_shared<CompareOptions>();
  parser.add_option("before", options->before, "a report that `--report json:FILE` wrote")->required();
  parser.add_option("after", options->after, "another")->required();
  parser.add_flag("--anyway", options->anyway, "compare although model, prompt or build are not the same");
  return [options, reports] { return compare(*options, reports); };
}

}  // namespace kvdiff
