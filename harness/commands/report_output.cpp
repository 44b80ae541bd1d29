#include "harness/commands/report_output.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>

#include "cache_backends/error.h"
#include "cache_backends/nearest.h"
#include "harness/commands/output.h"
#include "harness/write_file.h"
#include "reports/registry.h"
#include "scenarios/values.h"

namespace kvdiff {
namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view{} : value;
}

// As the C library decides it: the first of the three that is set.
bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view value = variable(name);
    if (value.empty()) continue;
    return value.find("UTF-8") != std::string_view::npos || value.find("utf8") != std::string_view::npos;
  }
  return false;
}

RenderOptions options_for_standard_output() {
  RenderOptions options;
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  winsize size{};
  if (terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) options.width = size.ws_col;
  options.color = terminal && variable("NO_COLOR").empty() && variable("TERM") != "dumb";
  options.unicode = !terminal || locale_is_utf8();
  return options;
}

void write_one(const RunReport& report, const ReportTarget& target) {
  const ReportFormat& format = find_report_format(target.format);
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

void check_targets(const std::vector<ReportTarget>& targets) {
  for (const ReportTarget& target : targets) {
    find_report_format(target.format);
    if (!target.file.empty()) require_writable(target.file);
  }
}

void write_reports(const RunReport& report, const std::vector<ReportTarget>& targets) {
  std::exception_ptr first;
  for (const ReportTarget& target : targets) {
    try {
      write_one(report, target);
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
