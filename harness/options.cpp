#include "harness/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cache_backends/error.h"
#include "scenarios/values.h"

namespace kvdiff {
namespace {

constexpr int64_t most_threads = 1024;

// cuda:N with a number; whether there is such a device is another question.
std::string device_word(const std::string& text) {
  constexpr std::array<std::string_view, 4> devices = {"auto", "cpu", "cuda", "emulated"};
  if (!text.starts_with("cuda:")) return std::string(one_of(text, devices));
  constexpr int64_t most_devices = 1024;
  const int64_t index = whole_number(std::string_view(text).substr(5), 0);
  if (index >= most_devices) throw UserError(ExitCode::usage, fmt::format("found {}, expected an index below {}", shown(text), most_devices));
  return text;
}

int thread_count(std::string_view text) {
  const int64_t threads = whole_number(text, 0);
  if (threads > most_threads) throw UserError(ExitCode::usage, fmt::format("found {}, expected at most {}", threads, most_threads));
  return static_cast<int>(threads);
}

StepRange step_range(std::string_view text) {
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos) {
    throw UserError(ExitCode::usage, fmt::format("found {}, expected FROM-TO, like 120-140", shown(text)));
  }
  const StepRange range{whole_number(text.substr(0, dash), 0), whole_number(text.substr(dash + 1), 0)};
  if (range.last < range.first) {
    throw UserError(ExitCode::usage, fmt::format("found {}, expected the first step before the last", shown(text)));
  }
  return range;
}

std::string filled(std::string_view text, std::string_view what) {
  if (text.empty()) throw UserError(ExitCode::usage, fmt::format("found nothing, expected {}", what));
  return std::string(text);
}

ReportTarget report_target(std::string_view text) {
  const size_t colon = text.find(':');
  const std::string format = filled(text.substr(0, colon), "FORMAT or FORMAT:FILE, like json:out.json");
  if (colon == std::string_view::npos) return {format, ""};
  return {format, filled(text.substr(colon + 1), "a file behind the colon, like json:out.json")};
}

// Flags that do not decide the numbers.
struct OwnFlag {
  std::string_view flag, group, metavar, fallback, help;
  bool repeated;
  void (*take)(RunOptions& options, const std::string& value);
};

// clang-format off
constexpr OwnFlag own_flags[] = {
    {"--scenario", "What to try", "NAME|FILE", "", "a shipped scenario or a JSON file; flags beside it override or add", false,
     [](RunOptions& options, const std::string& value) { options.scenario = filled(value, "a name or a file"); }},
    {"--list-cases", "What to try", "", "", "print the plan with each case's command line, memory and time; run nothing", false,
     [](RunOptions& options, const std::string&) { options.list_cases = true; }},
    {"--threads", "Where to run", "N", "all cores", "threads; the numbers do not depend on them", false,
     [](RunOptions& options, const std::string& value) { options.threads = thread_count(value); }},
    {"--simd", "Where to run", "KIND", "the widest", "scalar, avx2 or avx512; the numbers do not depend on it", false,
     [](RunOptions& options, const std::string& value) { options.simd = parse_simd(value); }},
    {"--device", "Where to run", "DEVICE", "auto", "auto, cpu, cuda, cuda:N, or emulated (CUDA's kernels on emulated threads); the numbers do not depend on it", false,
     [](RunOptions& options, const std::string& value) { options.device = device_word(value); }},
    {"--report", "Output", "FORMAT[:FILE]", "console", "write a report (kvdiff list reports); without FILE to standard output", true,
     [](RunOptions& options, const std::string& value) { options.reports.push_back(report_target(value)); }},
    {"--dump", "Output", "FOLDER", "", "keep full tensors (safetensors) of the steps around the onset", false,
     [](RunOptions& options, const std::string& value) { options.dump = filled(value, "a folder"); }},
    {"--dump-steps", "Output", "FROM-TO", "around the onset", "with --dump: which steps", false,
     [](RunOptions& options, const std::string& value) { options.dump_steps = step_range(value); }},
    {"--quiet", "Output", "", "", "no progress, and no report but those asked for with --report", false,
     [](RunOptions& options, const std::string&) { options.quiet = true; }},
};
// clang-format on

std::string heading_of(SettingGroup group) {
  switch (group) {
    case SettingGroup::model: return "Model";
    case SettingGroup::prompt: return "Prompt (one of them)";
    case SettingGroup::generation: return "Generation";
    case SettingGroup::cache: return "What to try";
    case SettingGroup::judgement: return "Judgement";
  }
  throw InternalError("a setting without a group");
}

template <typename Take>
void with_flag(const std::string& flag, const Take& take) {
  try {
    take();
  } catch (const UserError& error) {
    throw UserError(error.code(), fmt::format("{}: {}", flag, error.what()));
  }
}

RunFlag flag_from(const Setting& setting) {
  const std::string flag = flag_of(setting);
  const auto take = [flag, &setting](RunOptions& options, const std::string& value) {
    const std::string text = setting.kind == SettingKind::toggle ? "true" : value;
    Case probe;
    with_flag(flag, [&] { setting.set(probe, text); });
    options.settings.emplace_back(&setting, text);
  };
  return {flag, heading_of(setting.group), std::string(setting.metavar), std::string(setting.fallback),
          std::string(setting.help), setting.kind == SettingKind::list, take};
}

RunFlag flag_from(const OwnFlag& own) {
  const auto take = [&own](RunOptions& options, const std::string& value) {
    with_flag(std::string(own.flag), [&] { own.take(options, value); });
  };
  return {std::string(own.flag), std::string(own.group), std::string(own.metavar), std::string(own.fallback),
          std::string(own.help), own.repeated, take};
}

std::string table_cell(std::string text) {
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, "\\");
  return text;
}

}  // namespace

std::vector<RunFlag> run_flags() {
  std::vector<RunFlag> flags;
  for (const Setting& setting : settings()) flags.push_back(flag_from(setting));
  for (const OwnFlag& own : own_flags) flags.push_back(flag_from(own));
  return flags;
}

std::string run_flags_table() {
  std::string table = "| flag | default | meaning |\n|---|---|---|\n";
  for (const RunFlag& flag : run_flags()) {
    table += fmt::format("| `{}{}{}`{} | {} | {} |\n", flag.flag, flag.metavar.empty() ? "" : " ", table_cell(flag.metavar),
                         flag.repeated ? ", repeated" : "", flag.fallback, table_cell(flag.help));
  }
  return table;
}

Scenario scenario_of(const RunOptions& options) {
  Scenario scenario = options.scenario.empty() ? Scenario{} : load_scenario(options.scenario);
  Case prompt;
  bool prompt_given = false;
  for (const auto& [setting, value] : options.settings) {
    if (setting->group == SettingGroup::cache) {
      scenario.caches.emplace_back(value);
    } else if (setting->group == SettingGroup::prompt) {
      setting->set(prompt, value);
      prompt_given = true;
    } else {
      setting->set(scenario.common, value);
    }
  }
  if (prompt_given) scenario.prompts = {prompt.prompt};
  return scenario;
}

}  // namespace kvdiff
