#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "cache_backends/error.h"
#include "cache_backends/nearest.h"
#include "cache_backends/spec_dialects.h"
#include "cache_backends/spec_text.h"

namespace kvdiff {
namespace {

using Arguments = std::map<std::string, std::string, std::less<>>;

constexpr std::array<std::string_view, 8> argument_names = {
    "backend", "nbits", "axis_key", "axis_value", "q_group_size", "residual_length", "compute_dtype", "device"};

[[noreturn]] void fail(const std::string& message) { throw UserError(ExitCode::usage, "cache_config: " + message); }

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const size_t first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

// cache_config={...}, dict(...), QuantizedCacheConfig(...) or {...}: what stands inside.
std::string_view unwrapped(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with("cache_config")) {
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos) text = trimmed(text.substr(equals + 1));
  }
  const size_t open = text.find_first_of("{(");
  if (open == std::string_view::npos) return text;
  const char close = text[open] == '{' ? '}' : ')';
  const std::string_view name = text.substr(0, open);
  const bool named = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
  });
  if (!named || text.back() != close || (close == '}' && !name.empty())) {
    fail(fmt::format("{} is neither a dictionary in braces nor keyword arguments", quoted(text)));
  }
  return text.substr(open + 1, text.size() - open - 2);
}

// A Python string without its quotes; any other word as it stands.
std::string_view unquoted(std::string_view text) {
  text = trimmed(text);
  const bool quote = text.size() >= 2 && (text[0] == '"' || text[0] == '\'') && text.back() == text[0];
  return quote ? text.substr(1, text.size() - 2) : text;
}

std::pair<std::string_view, std::string_view> parse_argument(std::string_view piece) {
  const size_t mark = piece.find_first_of(":=");
  if (mark == std::string_view::npos) {
    fail(fmt::format("{} is not an argument; expected pieces such as nbits=4 or \"nbits\": 4", quoted(piece)));
  }
  const std::string_view name = unquoted(piece.substr(0, mark)), value = unquoted(piece.substr(mark + 1));
  if (std::find(argument_names.begin(), argument_names.end(), name) == argument_names.end()) {
    fail(fmt::format("unknown argument {}: expected one of {}. Did you mean '{}'?", quoted(name), joined(argument_names),
                     nearest_match(name, argument_names)));
  }
  return {name, value};
}

Arguments parse_arguments(std::string_view text) {
  Arguments arguments;
  std::vector<std::string_view> pieces = split(unwrapped(text), ',');
  if (trimmed(pieces.back()).empty() && pieces.size() > 1) pieces.pop_back();  // Python allows the last comma
  for (const std::string_view piece : pieces) {
    const auto [name, value] = parse_argument(piece);
    if (value == "None") continue;  // the same as not given, in 5.23
    if (!arguments.emplace(name, value).second) fail(fmt::format("{} is given twice; keep one", quoted(name)));
  }
  return arguments;
}

std::string backend_of(const Arguments& arguments) {
  const auto given = arguments.find("backend");
  const std::string backend = given == arguments.end() ? "quanto" : given->second;  // the default of generate()
  constexpr std::array<std::string_view, 3> known = {"quanto", "hqq", "fp8"};
  if (std::find(known.begin(), known.end(), backend) == known.end()) {
    fail(fmt::format("unknown backend {}: transformers 5.23 has quanto, hqq and fp8. Did you mean '{}'?", quoted(backend),
                     nearest_match(backend, known)));
  }
  return backend;
}

// QuantizedCache.__init__ rejects the group-wise options for fp8, each that is given.
void check_fp8(const Arguments& arguments) {
  for (const std::string_view name : {"nbits", "axis_key", "axis_value", "q_group_size", "residual_length"}) {
    if (arguments.contains(name)) {
      fail(fmt::format("{}: the backend 'fp8' has one scale per tensor and takes no such option (transformers raises "
                       "ValueError); leave it out, or choose quanto or hqq", name));
    }
  }
}

std::string side_text(const Arguments& arguments, std::string_view axis) {
  const std::array<std::pair<std::string_view, std::string_view>, 4> renamed = {
      {{"nbits", "bits"}, {"q_group_size", "group"}, {axis, "axis"}, {"residual_length", "residual"}}};
  std::string values;
  for (const auto& [theirs, ours] : renamed) {
    const auto given = arguments.find(theirs);
    if (given == arguments.end()) continue;
    if (given->second.find_first_not_of("-0123456789") != std::string::npos || given->second.empty()) {
      fail(fmt::format("{}={}: expected a whole number", theirs, quoted(given->second)));
    }
    values += fmt::format("{}{}={}", values.empty() ? ":" : ",", ours, given->second);
  }
  const std::string backend = backend_of(arguments);
  if (backend != "fp8") return backend + values;
  check_fp8(arguments);
  return "hf-fp8";
}

std::vector<std::string> notes_on(const Arguments& arguments) {
  std::vector<std::string> notes;
  const auto device = arguments.find("device");
  if (device != arguments.end() && device->second.starts_with("cuda")) {
    notes.emplace_back("device: on CUDA hqq solves in float16; add solver_dtype=float16 for its arithmetic");
  } else if (device != arguments.end()) {
    notes.emplace_back("device: taken from the run");
  }
  if (arguments.contains("compute_dtype")) notes.emplace_back("compute_dtype: the dtype of the model is used, as since 4.55");
  return notes;
}

std::string why_not_hf(const CacheSpec& spec) {
  const SideSpec &key = spec.base.key, &value = spec.base.value;
  if (!spec.lane.schedule.starts_with("hf") || spec.lane.schedule == "hf-fp8")
    return fmt::format("transformers has no schedule {} for {}", spec.lane.schedule, key.codec);
  for (const std::string_view same : {"bits", "group", "solver", "solver_dtype"}) {
    const auto here = key.values.find(std::string(same));
    if (here != key.values.end() && here->second != value.values.at(std::string(same))) {
      return fmt::format("transformers has one {} for keys and values", same);
    }
  }
  const auto solver = key.values.find("solver");
  if (solver != key.values.end() && solver->second == "off")
    return "transformers never switches hqq's solver off (hqq up to 0.2.6 did: solver=off-0.2.6)";
  return "";
}

std::string why_not(const CacheSpec& spec) {
  const SideSpec &key = spec.base.key, &value = spec.base.value;
  if (!spec.overrides.empty()) return "transformers has one cache_config for all layers";
  if (is_full(key) != is_full(value)) return "transformers quantizes keys and values, or neither";
  if (key.codec != value.codec) return "transformers has one backend for keys and values";
  if (key.codec != "hqq" && key.codec != "quanto" && key.codec != "hf-fp8")
    return fmt::format("transformers has no {} cache", key.codec);
  if (spec.lane.prefill != "full") return "transformers reads the prompt as it came";
  if (key.codec != "hf-fp8") return why_not_hf(spec);
  return spec.lane.schedule == "hf-fp8" ? "" : fmt::format("transformers has no schedule {} for fp8", spec.lane.schedule);
}

std::string condition_of(const CacheSpec& spec) {
  std::vector<std::string> conditions;
  if (spec.base.key.codec == "hf-fp8") conditions.emplace_back("transformers 5.23");
  if (spec.lane.schedule == "hf-5.15") conditions.emplace_back("transformers 4.41 to 5.15, but 4.54");
  if (spec.lane.schedule == "hf-4.54") conditions.emplace_back("transformers 4.54");
  if (spec.base.key.codec != "hqq") return conditions.empty() ? "" : fmt::format("with {}", fmt::join(conditions, ", "));
  const std::string solver = spec.base.key.values.at("solver");
  if (solver == "0.2.6" || solver == "off-0.2.6") conditions.emplace_back("hqq up to 0.2.6");
  if (solver == "main") conditions.emplace_back("hqq from dropbox/hqq since 32fc349");
  if (spec.base.key.values.at("solver_dtype") == "float16") conditions.emplace_back("a model on CUDA");
  return conditions.empty() ? "" : fmt::format("with {}", fmt::join(conditions, ", "));
}

}  // namespace

Translated from_transformers(std::string_view text) {
  if (text.size() > longest_spec) fail(fmt::format("{} characters; at most {} are read", text.size(), longest_spec));
  const Arguments arguments = parse_arguments(text);
  const std::string key = side_text(arguments, "axis_key"), value = side_text(arguments, "axis_value");
  Translated result{parse_cache_spec(fmt::format("k={}/v={}", key, value)), notes_on(arguments)};
  result.spec.text = text;
  return result;
}

DialectForm to_transformers(const CacheSpec& spec) {
  if (spec.lane.schedule == "full" && spec.overrides.empty() && spec.base.key == spec.base.value) {
    const bool model = spec.base.key.values.at("dtype") == "model";
    return {"", model ? "it is the default DynamicCache: leave cache_implementation and cache_config out"
                      : "transformers keeps K and V in the model's dtype"};
  }
  if (const std::string reason = why_not(spec); !reason.empty()) return {"", reason};
  const SideSpec &key = spec.base.key, &value = spec.base.value;
  if (key.codec == "hf-fp8") return {R"({"backend": "fp8"})", condition_of(spec)};
  return {fmt::format(R"({{"backend": "{}", "nbits": {}, "axis_key": {}, "axis_value": {}, "q_group_size": {}, )"
                      R"("residual_length": {}}})",
                      key.codec, key.values.at("bits"), key.values.at("axis"), value.values.at("axis"), key.values.at("group"),
                      spec.lane.residual),
          condition_of(spec)};
}

}  // namespace kvdiff
