#include "scenarios/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "cache_backends/error.h"
#include "scenarios/values.h"

namespace kvdiff {
namespace {

using Values = std::vector<std::string>;
using Text = std::string_view;
constexpr double unbounded = std::numeric_limits<double>::infinity();
constexpr std::array<Text, 2> attentions = {"sdpa", "eager"};
constexpr std::array<Text, 3> all_modes = {"local", "forced", "free"};

const Case& defaults() {
  static const Case run;
  return run;
}

template <typename Value>
Values unless_default(const Value& value, const Value& fallback, std::string text) {
  return value == fallback ? Values{} : Values{std::move(text)};
}

Values given(const std::optional<std::string>& text) { return text ? Values{*text} : Values{}; }

std::string not_empty(Text text, Text what) {
  if (text.empty()) throw UserError(ExitCode::usage, fmt::format("found nothing, expected {}", what));
  return std::string(text);
}

std::string comma_joined(const Values& values) { return fmt::format("{}", fmt::join(values, ",")); }

// In the order in which they are run, whatever order they were given in; twice the same is once.
void set_modes(Case& run, Text text) {
  Values wanted;
  for (size_t first = 0; first <= text.size();) {
    const size_t comma = std::min(text.find(',', first), text.size());
    wanted.emplace_back(one_of(text.substr(first, comma - first), all_modes));
    first = comma + 1;
  }
  run.modes.clear();
  for (const Text mode : all_modes) {
    if (std::find(wanted.begin(), wanted.end(), mode) != wanted.end()) run.modes.emplace_back(mode);
  }
}

double share(Text text) {
  const double value = decimal_number(text, 0, 1);
  if (value == 0) throw UserError(ExitCode::usage, "found '0', expected a number above 0, at most 1");
  return value;
}

void set_limit(Case& run, Text text) {
  const auto [metric, value] = named_limit(text);
  run.limits[metric] = value;
}

Values get_limits(const Case& run) {
  Values values;
  for (const auto& [metric, value] : run.limits) values.push_back(metric + "=" + number_text(value));
  return values;
}

Values get_caches(const Case& run) {
  Values values;
  for (const CacheSpec& cache : run.caches) values.push_back(cache.text);
  return values;
}

using Group = SettingGroup;
using Kind = SettingKind;

// clang-format off
constexpr Setting table[] = {
    {"model", Group::model, Kind::text, "FOLDER", "smollm2", "Hugging Face checkpoint folder, or an alias of `kvdiff list models`",
     [](Case& run, Text value) { run.model = not_empty(value, "a folder or an alias"); },
     [](const Case& run) { return Values{run.model}; }},
    {"dtype", Group::model, Kind::text, "TYPE", "the checkpoint's", "float16, bfloat16 or float32: what values are rounded to",
     [](Case& run, Text value) { run.dtype = parse_dtype(value); },
     [](const Case& run) { return run.dtype ? Values{std::string(name_of(*run.dtype))} : Values{}; }},
    {"attention", Group::model, Kind::text, "KIND", "sdpa", "sdpa or eager: where 16-bit attention rounds",
     [](Case& run, Text value) { run.attention = one_of(value, attentions); },
     [](const Case& run) { return unless_default(run.attention, defaults().attention, run.attention); }},

    {"prompt", Group::prompt, Kind::text, "TEXT", "", "plain text, no chat format around it",
     [](Case& run, Text value) { run.prompt.text = value; },
     [](const Case& run) { return given(run.prompt.text); }},
    {"prompt_file", Group::prompt, Kind::text, "FILE", "", "plain text from a file; - reads standard input",
     [](Case& run, Text value) { run.prompt.text_file = not_empty(value, "a file"); },
     [](const Case& run) { return given(run.prompt.text_file); }},
    {"chat", Group::prompt, Kind::text, "TEXT", "", "a user message, rendered through the model's chat format",
     [](Case& run, Text value) { run.prompt.chat = value; },
     [](const Case& run) { return given(run.prompt.chat); }},
    {"system", Group::prompt, Kind::text, "TEXT", "the chat format's own", "with --chat: the system prompt",
     [](Case& run, Text value) { run.prompt.system = value; },
     [](const Case& run) { return given(run.prompt.system); }},
    {"messages", Group::prompt, Kind::text, "FILE", "", "a whole conversation: JSON list of {\"role\", \"content\"}",
     [](Case& run, Text value) { run.prompt.messages = not_empty(value, "a file"); },
     [](const Case& run) { return given(run.prompt.messages); }},
    {"token_ids", Group::prompt, Kind::text, "IDS", "", "token ids, 1,2,3 or @FILE",
     [](Case& run, Text value) { run.prompt.token_ids = not_empty(value, "ids like 1,2,3, or @FILE"); },
     [](const Case& run) { return given(run.prompt.token_ids); }},

    {"cache", Group::cache, Kind::list, "SPEC", "", "a candidate cache, like hqq:bits=4,group=64 (kvdiff spec explains them)",
     [](Case& run, Text value) { run.caches.push_back(parse_cache_spec(value)); }, get_caches},

    {"continue_file", Group::generation, Kind::text, "FILE", "", "a text that local and forced follow instead of the reference's tokens",
     [](Case& run, Text value) { run.continue_file = not_empty(value, "a file"); },
     [](const Case& run) { return unless_default(run.continue_file, {}, run.continue_file); }},
    {"mode", Group::generation, Kind::text, "MODES", "local,forced,free", "what candidates are fed: any of local, forced, free",
     set_modes, [](const Case& run) { return unless_default(run.modes, defaults().modes, comma_joined(run.modes)); }},
    {"tokens", Group::generation, Kind::integer, "N", "256", "tokens to generate or follow",
     [](Case& run, Text value) { run.tokens = whole_number(value, 1); },
     [](const Case& run) { return unless_default(run.tokens, defaults().tokens, std::to_string(run.tokens)); }},
    {"ignore_eos", Group::generation, Kind::toggle, "", "", "go on after the end-of-sequence token",
     [](Case& run, Text value) { run.ignore_eos = truth(value); },
     [](const Case& run) { return unless_default(run.ignore_eos, false, "true"); }},
    {"temperature", Group::generation, Kind::number, "T", "0", "0: greedy; above: sampled, the same noise in every lane",
     [](Case& run, Text value) { run.temperature = decimal_number(value, 0, unbounded); },
     [](const Case& run) { return unless_default(run.temperature, 0.0, number_text(run.temperature)); }},
    {"top_k", Group::generation, Kind::integer, "K", "0", "sample among the K likeliest; 0: all",
     [](Case& run, Text value) { run.top_k = whole_number(value, 0); },
     [](const Case& run) { return unless_default<int64_t>(run.top_k, 0, std::to_string(run.top_k)); }},
    {"top_p", Group::generation, Kind::number, "P", "1", "sample among the likeliest that hold this share",
     [](Case& run, Text value) { run.top_p = share(value); },
     [](const Case& run) { return unless_default(run.top_p, 1.0, number_text(run.top_p)); }},
    {"seed", Group::generation, Kind::integer, "SEED", "0", "of the sampling noise",
     [](Case& run, Text value) { run.seed = unsigned_number(value); },
     [](const Case& run) { return unless_default<uint64_t>(run.seed, 0, std::to_string(run.seed)); }},

    {"floor", Group::judgement, Kind::toggle, "", "", "measure the arithmetic floor too: the reference against float64",
     [](Case& run, Text value) { run.floor = truth(value); },
     [](const Case& run) { return unless_default(run.floor, false, "true"); }},
    {"limit", Group::judgement, Kind::list, "METRIC=VALUE", "", "fail (exit 1) where a candidate is worse",
     set_limit, get_limits},
};
// clang-format on

}  // namespace

std::span<const Setting> settings() { return table; }

const Setting* find_setting(std::string_view name) {
  const auto row = std::find_if(std::begin(table), std::end(table), [&](const Setting& one) { return one.name == name; });
  return row == std::end(table) ? nullptr : row;
}

std::string flag_of(const Setting& setting) {
  std::string flag = fmt::format("--{}", setting.name);
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

}  // namespace kvdiff
