#include <fmt/format.h>

#include <memory>

#include "harness/commands/command.h"
#include "harness/commands/report_output.h"
#include "harness/run_report_json.h"
#include "harness/verdict/exit_codes.h"
#include "harness/verdict/limits.h"
#include "harness/verdict/exit_codes.h"
#include "harness/verdict/verdict.h"

namespace kvdiff {
namespace {

// Limits that were given replace those of the same metric that the report was judged by; the others stand.
std::vector<LimitReport> limits_of(const RunReport& report, const std::vector<std::string>& given) {
  std::vector<LimitReport> limits = report.limits;
  for (const std::string& text : given) {
    const LimitReport limit = parse_limit(text);
    std::erase_if(limits, [&](const LimitReport& one) { return one.metric == limit.metric; });
    limits.push_back(limit);
  }
  return limits;
}

ExitCode show(const std::string& file, const RunOptions& options, const std::vector<std::string>& limits,
              const ReportRoom& reports) {
  const std::vector<ReportTarget> targets = report_targets(options.reports, options.quiet);
  check_targets(reports, targets);
  RunReport report = read_report_file(file);
  report = judged(report, limits_of(report, limits));
  write_reports(reports, report, targets);
  return exit_code_of(report.exit_code);
}

struct ShowOptions {
  std::string file;
  std::vector<std::string> limits;
  RunOptions run;
};

}  // namespace

std::function<ExitCode()> declare_show(CLI::App& parser, const ReportRoom& reports) {
  const auto options = std::make_shared<ShowOptions>();
  parser.add_option("report", options->file, "a report that `--report json:FILE` wrote")->required();
  add_run_flags(parser, options->run, {"--report", "--quiet"});
  parser.add_option("--limit", options->limits, "judge by this too, or instead of the report's own limit of that metric")
      ->type_name("METRIC=VALUE")->allow_extra_args(false);
  return [options, reports] { return show(options->file, options->run, options->limits, reports); };
}

}  // namespace kvdiff
