#include "harness/commands/report_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <filesystem>

#include "cache_backends/error.h"
#include "harness/commands/output.h"
#include "harness/commands/terminal.h"
#include "harness/write_file.h"

namespace kvdiff {
namespace {

void write_one(const ReportRoom& reports, const RunReport& report, const ReportTarget& target) {
  const ReportFormat& format = find_format(reports, target.format);
  if (target.file.empty() || target.file == "-") {
    print(format.render(report, options_for_standard_output()));
  } else {
    write_file(target.file, format.render(report, RenderOptions{}));
  }
}

}  // namespace

std::vector<ReportTarget> report_targets(std::vector<ReportTarget> asked, bool quiet) {
  const bool taken = std::any_of(asked.begin(), asked.end(), [](const ReportTarget& one) { return one.file.empty() || one.file == "-"; });
  if (!quiet && !taken) asked.insert(asked.begin(), {"console", ""});
  return asked;
}

void check_targets(const ReportRoom& reports, const std::vector<ReportTarget>& targets) {
  for (const ReportTarget& target : targets) {
    find_format(reports, target.format);
    if (!target.file.empty()) require_writable(target.file);
  }
}

void write_reports(const ReportRoom& reports, const RunReport& report, const std::vector<ReportTarget>& targets) {
  std::exception_ptr first;
  for (const ReportTarget& target : targets) {
    try {
      write_one(reports, report, target);
    } catch (const UserError&) {
      if (!first) first = std::current_exception();
    }
  }
  if (first) std::rethrow_exception(first);
}

std::string with_suffix(const std::string& file, const std::string& suffix) {
  const std::filesystem::path path(file);
  const std::string name = fmt::format("{}-{}{}", path.stem().string(), suffix, path.extension().string());
  return (path.parent_path() / name).string();
}

}  // namespace kvdiff
