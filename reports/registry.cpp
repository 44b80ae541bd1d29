#include "reports/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "cache_backends/error.h"
#include "cache_backends/nearest.h"
#include "reports/console.h"

namespace kvdiff {
namespace {

constexpr ReportFormat formats[] = {
    {"console", "for a person, top to bottom: verdict, lanes, text, where error is made, how it grows", console_report},
    {"json", "everything, for programs: schema kvdiff.report/1; `kvdiff show` and `compare` read it", render_json},
    {"markdown", "a short table that pastes into a ticket", render_markdown},
};

}  // namespace

std::span<const ReportFormat> report_formats() { return formats; }

const ReportFormat& find_report_format(std::string_view name) {
  const auto row = std::ranges::find(formats, name, &ReportFormat::name);
  if (row != std::end(formats)) return *row;
  std::vector<std::string_view> names;
  for (const ReportFormat& format : formats) names.push_back(format.name);
  throw UserError(ExitCode::usage, fmt::format("--report: found the format \"{}\", expected FORMAT[:FILE] with one of {}. Did you mean '{}'?",
                                               name, joined(names), nearest_match(name, names)));
}

}  // namespace kvdiff
