#include "harness/report_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "cache_backends/error.h"
#include "cache_backends/nearest.h"

namespace kvdiff {
namespace {

template <class Format> const Format& find(std::span<const Format> formats, std::string_view name) {
  const auto row = std::ranges::find(formats, name, &Format::name);
  if (row != formats.end()) return *row;
  std::vector<std::string_view> names;
  for (const Format& format : formats) names.push_back(format.name);
  throw UserError(ExitCode::usage,
                  fmt::format("--report: found the format \"{}\", expected FORMAT[:FILE] with one of {}. Did you mean '{}'?",
                              name, joined(names), nearest_match(name, names)));
}

}  // namespace

const ReportFormat& find_format(const ReportRoom& room, std::string_view name) { return find(room.formats, name); }

const DiagnosisFormat& find_diagnosis_format(const ReportRoom& room, std::string_view name) {
  return find(room.diagnosis_formats, name);
}

}  // namespace kvdiff
