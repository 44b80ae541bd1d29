#include "harness/diagnose/diagnose.h"

#include <fmt/format.h>

#include <memory>

#include "harness/commands/command.h"
#include "harness/commands/environment.h"
#include "harness/commands/interrupt.h"
#include "harness/commands/oracle.h"
#include "harness/commands/progress.h"
#include "harness/commands/report_output.h"
#include "harness/verdict/exit_codes.h"
#include "scenarios/plan.h"
#include "scenarios/values.h"

namespace kvdiff {
namespace {

const std::vector<std::string_view> flags = {"--model", "--dtype", "--attention", "--prompt", "--prompt-file", "--chat", "--system",
                                             "--messages", "--token-ids", "--cache", "--tokens", "--ignore-eos", "--threads", "--simd",
                                             "--report", "--quiet"};

struct DiagnoseOptions {
  RunOptions run;
  Budget budget;
};

ExitCode run_diagnosis(const DiagnoseOptions& options, const ReportRoom& reports) {
  if (options.run.simd) set_active_simd(*options.run.simd);
  const Plan plan = make_plan(scenario_of(options.run));
  const std::vector<ReportTarget> targets = report_targets(options.run.reports, options.run.quiet);
  check_diagnosis_targets(reports, targets);
  watch_for_interrupt();
  RunPlace place;
  place.threads = options.run.threads;
  place.measure_floor = floor_oracle();
  Diagnosis diagnosis;
  {
    ProgressLine progress(options.run.quiet);
    RunHooks hooks;
    hooks.progress = [&progress](const Progress& now) { progress.show(now); };
    hooks.interrupted = interrupted;
    diagnosis = diagnose(plan.cases.front(), options.budget, place, hooks);
  }
  EnvironmentReport environment;
  describe_environment(environment);
  diagnosis.kvdiff_version = environment.kvdiff_version;
  write_diagnosis(reports, diagnosis, targets);
  return exit_code_of(diagnosis.exit_code);
}

}  // namespace

std::function<ExitCode()> declare_diagnose(CLI::App& parser, const ReportRoom& reports) {
  const auto options = std::make_shared<DiagnoseOptions>();
  add_run_flags(parser, options->run, flags);
  const auto take = [options](const std::string& value) {
    try {
      options->budget = parse_budget(value);
    } catch (const UserError& error) {
      throw UserError(error.code(), fmt::format("--budget: {}", error.what()));
    }
  };
  parser.add_option_function<std::string>("--budget", take,
                                          "how much may be tried: trials (lanes of a window), or a time, like 2m or 90s, which is "
                                          "turned into trials once and recorded (240)")
      ->type_name("TRIALS|TIME")->group("What to try");
  return [options, reports] { return run_diagnosis(*options, reports); };
}

}  // namespace kvdiff
