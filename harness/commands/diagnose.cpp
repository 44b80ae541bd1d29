#include "harness/diagnose/diagnose.h"

#include <fmt/format.h>

#include <memory>
#include <optional>

#include "cache_backends/faults/planted_fault.h"
#include "harness/commands/command.h"
#include "harness/commands/environment.h"
#include "harness/commands/interrupt.h"
#include "harness/commands/oracle.h"
#include "harness/commands/progress.h"
#include "harness/commands/report_output.h"
#include "harness/model/files/folder.h"
#include "harness/model/files/rope.h"
#include "harness/verdict/exit_codes.h"
#include "scenarios/command_line.h"
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
  std::string fault;
  std::vector<std::string> also_chat, also_prompt;
};

// Chats first. They are told what the first prompt is told by --system.
std::vector<PromptSource> further_prompts(const DiagnoseOptions& options, const Case& run) {
  std::vector<PromptSource> further;
  for (const std::string& text : options.also_chat) {
    PromptSource& one = further.emplace_back();
    one.chat = text;
    one.system = run.prompt.system;
  }
  for (const std::string& text : options.also_prompt) further.emplace_back().text = text;
  return further;
}

// A fault, to see it found: in the candidate's cache alone. It keeps what it needs of the model.
class Planted {
 public:
  Planted(const std::string& text, const Case& run) : fault_(parse_fault(text)) {
    const ModelConfig config = read_model_config(open_model_folder(resolve_model(run.model)));
    frequencies_ = rope_frequencies(config.rope, config.head_size).inverse;
    spec_ = run.caches.front();
  }
  std::unique_ptr<KvCache> in(LaneId lane, std::unique_ptr<KvCache> cache) const {
    constexpr LaneId candidate = 2;
    return lane == candidate ? plant(*fault_.fault, fault_.place, {spec_, frequencies_}, std::move(cache)) : std::move(cache);
  }

 private:
  FaultText fault_;
  std::vector<float> frequencies_;
  CacheSpec spec_;
};

std::string faults_text() {
  std::string text = "\nFaults for --fault, each with layer=N, side=key|value, head=N, update=N (from that append on) and strength=X:\n";
  for (const PlantedFault& fault : planted_faults()) text += fmt::format("  {:<26} {}\n", fault.name, fault.what);
  return text;
}

ExitCode run_diagnosis(const DiagnoseOptions& options, const ReportRoom& reports) {
  if (options.run.simd) set_active_simd(*options.run.simd);
  const Plan plan = make_plan(scenario_of(options.run));
  const std::vector<ReportTarget> targets = report_targets(options.run.reports, options.run.quiet);
  check_diagnosis_targets(reports, targets);
  watch_for_interrupt();
  std::optional<Planted> planted;
  if (!options.fault.empty()) planted.emplace(options.fault, plan.cases.front());
  RunPlace place;
  place.threads = options.run.threads;
  place.measure_floor = floor_oracle();
  Diagnosis diagnosis;
  {
    ProgressLine progress(options.run.quiet);
    RunHooks hooks;
    hooks.progress = [&progress](const Progress& now) { progress.show(now); };
    hooks.interrupted = interrupted;
    if (planted) hooks.wrap_cache = [&](LaneId lane, Mode, std::unique_ptr<KvCache> cache) { return planted->in(lane, std::move(cache)); };
    diagnosis = diagnose(plan.cases.front(), options.budget, place, hooks, further_prompts(options, plan.cases.front()));
  }
  if (planted) {
    diagnosis.reproduce += " --fault " + shell_quoted(options.fault);
    diagnosis.warnings.insert(diagnosis.warnings.begin(), "a fault was planted in this cache: " + options.fault);
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
  const auto repeated = [&parser](const char* flag, std::vector<std::string>& into, const char* help) {
    parser.add_option(flag, into, help)->type_name("TEXT")->group("What to try")->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  };
  repeated("--also-chat", options->also_chat,
           "a further chat prompt: is the set that was named on the first one right there, too? Two trials each; may be repeated");
  repeated("--also-prompt", options->also_prompt, "the same, plain text, no format around it; may be repeated");
  parser.add_option("--fault", options->fault, "plants a fault in the cache, to see it found: its name, then layer=3,side=key,...")
      ->type_name("FAULT")->group("What to try");
  parser.footer(parser.get_footer() + faults_text());
  return [options, reports] { return run_diagnosis(*options, reports); };
}

}  // namespace kvdiff
