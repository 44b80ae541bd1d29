#include "harness/report_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "cache_backends/error.h"
#include "cache_backends/nearest.h"

namespace kvdiff {

const ReportFormat& find_format(const ReportRoom& room, std::string_view name) {
  const auto row = std::ranges::find(room.formats, name, &ReportFormat::name);
  if (row != room.formats.end()) return *row;
  std::vector<std::string_view> names;
  for (const ReportFormat& format : room.formats) names.push_back(format.name);
  throw UserError(ExitCode::usage,
                  fmt::format("--report: found the format \"{}\", expected FORMAT[:FILE] with one of {}. Did you mean '{}'?",
                              name, joined(names), nearest_match(name, names)));
}

}  // namespace kvdiff
