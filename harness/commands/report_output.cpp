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

template <class Render> void write_one(const ReportTarget& target, const Render& render) {
  if (target.file.empty() || target.file == "-") {
    print(render(options_for_standard_output()));
  } else {
    write_file(target.file, render(RenderOptions{}));
  }
}

// `write` for each target; the first that could not be written is thrown when all were tried.
template <class Write> void write_all(const std::vector<ReportTarget>& targets, const Write& write) {
  std::exception_ptr first;
  for (const ReportTarget& target : targets) {
    try {
      write(target);
    } catch (const UserError&) {
      if (!first) first = std::current_exception();
    }
  }
  if (first) std::rethrow_exception(first);
}

template <class Find> void check_all(const std::vector<ReportTarget>& targets, const Find& find) {
  for (const ReportTarget& target : targets) {
    find(target.format);
    if (!target.file.empty()) require_writable(target.file);
  }
}

}  // namespace

std::vector<ReportTarget> report_targets(std::vector<ReportTarget> asked, bool quiet) {
  const bool taken = std::any_of(asked.begin(), asked.end(), [](const ReportTarget& one) { return one.file.empty() || one.file == "-"; });
  if (!quiet && !taken) asked.insert(asked.begin(), {"console", ""});
  return asked;
}

void check_targets(const ReportRoom& reports, const std::vector<ReportTarget>& targets) {
  check_all(targets, [&](const std::string& name) { find_format(reports, name); });
}

void write_reports(const ReportRoom& reports, const RunReport& report, const std::vector<ReportTarget>& targets) {
  write_all(targets, [&](const ReportTarget& target) {
    const ReportFormat& format = find_format(reports, target.format);
    write_one(target, [&](const RenderOptions& options) { return format.render(report, options); });
  });
}

void check_diagnosis_targets(const ReportRoom& reports, const std::vector<ReportTarget>& targets) {
  check_all(targets, [&](const std::string& name) { find_diagnosis_format(reports, name); });
}

void write_diagnosis(const ReportRoom& reports, const Diagnosis& diagnosis, const std::vector<ReportTarget>& targets) {
  write_all(targets, [&](const ReportTarget& target) {
    const DiagnosisFormat& format = find_diagnosis_format(reports, target.format);
    write_one(target, [&](const RenderOptions& options) { return format.render(diagnosis, options); });
  });
}

std::string with_suffix(const std::string& file, const std::string& suffix) {
  const std::filesystem::path path(file);
  const std::string name = fmt::format("{}-{}{}", path.stem().string(), suffix, path.extension().string());
  return (path.parent_path() / name).string();
}

}  // namespace kvdiff
