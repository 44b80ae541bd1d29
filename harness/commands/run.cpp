#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "harness/commands/case_list.h"
#include "harness/commands/command.h"
#include "harness/commands/device_choice.h"
#include "harness/commands/environment.h"
#include "harness/commands/interrupt.h"
#include "harness/commands/machine.h"
#include "harness/commands/oracle.h"
#include "harness/commands/output.h"
#include "harness/commands/progress.h"
#include "harness/commands/report_output.h"
#include "harness/run/run.h"
#include "harness/verdict/exit_codes.h"
#include "harness/verdict/limits.h"
#include "harness/verdict/verdict.h"
#include "harness/write_file.h"
#include "scenarios/command_line.h"
#include "scenarios/plan.h"
#include "scenarios/values.h"

namespace kvdiff {
namespace {

std::vector<LimitReport> limits_of(const Case& run) {
  std::vector<LimitReport> limits;
  for (const auto& [metric, value] : run.limits) limits.push_back({metric, value});
  return limits;
}

// All that can be refused before a model is read.
void check_before(const Plan& plan, const RunOptions& options) {
  if (options.dump_steps && options.dump.empty()) {
    throw UserError(ExitCode::usage, "--dump-steps: found without --dump, expected --dump FOLDER with it");
  }
  for (const Case& run : plan.cases) {
    for (const LimitReport& limit : limits_of(run)) require_known(limit);
    if (run.floor && !built_with_torch()) {
      throw UserError(ExitCode::environment, "--floor: this program was built without torch, which computes the float64 "
                                             "reference; build it with ./x build, or leave --floor out");
    }
  }
}

RunPlace place_of(const RunOptions& options) {
  RunPlace place;
  place.threads = options.threads;
  place.dump = options.dump;
  if (options.dump_steps) place.dump_steps = {options.dump_steps->first, options.dump_steps->last};
  place.measure_floor = floor_oracle();
  return place;
}

// Made now, so that a folder that cannot be written to is no surprise at the end of a long run.
void check_dump(const std::string& folder) {
  if (folder.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw UserError(ExitCode::io, fmt::format("--dump: cannot make the folder {}: {}", shown(folder), error.message()));
  require_writable((std::filesystem::path(folder) / "step").string());
}

void check_memory(const Case& run, const RunOptions& options, const DeviceChoice& where) {
  const RunEstimate estimate = estimate_case(run, place_of(options));
  const int64_t on_device = where.device ? where.device->free_bytes() : -1;
  const int64_t available = on_device >= 0 ? on_device : available_memory();
  if (available < 0 || estimate.bytes <= available) return;
  throw UserError(ExitCode::environment, memory_refusal(estimate, run, available, on_device >= 0 ? where.name : "this machine"));
}

// Several prompts: the reports of each get files of their own.
std::vector<ReportTarget> targets_of(const Plan& plan, size_t index, std::vector<ReportTarget> targets) {
  if (plan.cases.size() == 1) return targets;
  const std::string& name = plan.cases[index].prompt.name;
  for (ReportTarget& target : targets) {
    if (!target.file.empty() && target.file != "-") {
      target.file = with_suffix(target.file, name.empty() ? std::to_string(index + 1) : name);
    }
  }
  return targets;
}

void say_how_to_repeat(RunReport& report, const Plan& plan, const Case& run) {
  report.settings.scenario = plan.name;
  report.reproduce = command_line(run);
  size_t candidate = 0;
  for (LaneReport& lane : report.lanes) {
    lane.reproduce = lane.role == LaneRole::candidate ? command_line(lane_case(run, candidate++)) : report.reproduce;
  }
}

RunReport measure(const Plan& plan, const Case& one, const RunOptions& options, const DeviceChoice& where) {
  ProgressLine progress(options.quiet);
  RunHooks hooks;
  hooks.progress = [&progress](const Progress& now) { progress.show(now); };
  hooks.interrupted = interrupted;
  if (!options.quiet) {
    hooks.warn = [&progress](const std::string& lane, const std::string& text) {
      progress.clear();
      std::fputs(fmt::format("kvdiff: warning: {}: {}\n", shown(lane), text).c_str(), stderr);
    };
  }
  RunPlace place = place_of(options);
  place.device = where.device;
  RunReport report = run_case(one, place, hooks);
  report.environment.device = where.name;
  describe_environment(report.environment);
  say_how_to_repeat(report, plan, one);
  return judged(std::move(report), limits_of(one));
}

ExitCode run_all(const Plan& plan, const RunOptions& options, const ReportRoom& reports) {
  const DeviceChoice where = choose_device(options.device.empty() ? "auto" : options.device);
  if (options.device == "auto" && !options.quiet) std::fputs(fmt::format("kvdiff: device {}: {}\n", where.name, where.reason).c_str(), stderr);
  const std::vector<ReportTarget> wanted = report_targets(options.reports, options.quiet);
  for (size_t i = 0; i < plan.cases.size(); ++i) check_targets(reports, targets_of(plan, i, wanted));
  for (const Case& one : plan.cases) check_memory(one, options, where);
  check_dump(options.dump);
  watch_for_interrupt();
  std::vector<ExitCode> codes;
  for (size_t i = 0; i < plan.cases.size() && !interrupted(); ++i) {
    const RunReport report = measure(plan, plan.cases[i], options, where);
    write_reports(reports, report, targets_of(plan, i, wanted));
    codes.push_back(exit_code_of(report.exit_code));
  }
  if (interrupted()) codes.push_back(ExitCode::interrupted);
  return most_urgent(codes);
}

ExitCode run_command(const RunOptions& options, const ReportRoom& reports) {
  if (options.simd) set_active_simd(*options.simd);
  const Plan plan = make_plan(scenario_of(options));
  check_before(plan, options);
  if (!options.list_cases) return run_all(plan, options, reports);
  print(list_cases(plan, place_of(options)));
  return ExitCode::passed;
}

}  // namespace

std::function<ExitCode()> declare_run(CLI::App& parser, const ReportRoom& reports) {
  const auto options = std::make_shared<RunOptions>();
  add_run_flags(parser, *options);
  return [options, reports] { return run_command(*options, reports); };
}

}  // namespace kvdiff
