#include "cache_backends/spec_lane.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "cache_backends/error.h"
#include "cache_backends/nearest.h"
#include "cache_backends/registry.h"
#include "cache_backends/spec_text.h"

namespace kvdiff {
namespace {

[[noreturn]] void fail(const std::string& message) { throw UserError(ExitCode::usage, message); }

std::vector<std::string> schedule_names() {
  std::vector<std::string> names;
  for (const ScheduleRow& row : schedules()) names.emplace_back(row.name);
  return names;
}

void check_value(const SpecKey& key, std::string_view value) {
  if (key.name == "residual") {
    if (parse_count(value)) return;
    fail(fmt::format("residual={}: expected a whole number of tokens from 0 to {}", quoted(value), largest_number));
  }
  const std::vector<std::string_view> choices(key.choices.begin(), key.choices.end());
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return;
  fail(fmt::format("{}={}: expected one of {}. Did you mean '{}'?", key.name, quoted(value), joined(choices),
                   nearest_match(value, choices)));
}

// hf before streaming before immediate before hf-fp8; hf's older rules are nobody's default.
std::string preferred(std::string_view left, std::string_view right) {
  for (const std::string_view name : {"hf", "streaming", "immediate", "hf-fp8"}) {
    if (left == name || right == name) return std::string(name);
  }
  return std::string(left);
}

// Empty when both sides are full precision.
std::string schedule_of(const LayerSpec& layer) {
  if (is_full(layer.key) && is_full(layer.value)) return "";
  const auto peer = [](const SideSpec& side) { return is_full(side) ? "" : find_codec(side.codec).schedule; };
  return preferred(peer(layer.key), peer(layer.value));
}

bool encodes_nothing(const CacheSpec& spec) {
  return schedule_of(spec.base).empty() &&
         std::all_of(spec.overrides.begin(), spec.overrides.end(),
                     [](const LayerOverride& piece) { return schedule_of(piece.layer).empty(); });
}

// One token alone is what `immediate` encodes: a scale that tokens share must have been taken before, from the prompt.
void check_immediate(const SideSpec& spec, Side side, std::string_view schedule) {
  if (is_full(spec)) return;
  const auto codec = find_codec(spec.codec).make(spec, side);
  const float sample = 1.0f;
  if (!codec->shares_scale() || codec->frozen({&sample, 1}, {1, 1, 1, 1}, Dtype::float32)) return;
  const char* advice = spec.values.contains("scale") ? "add scale=frozen to keep the prompt's scale, or choose" : "choose";
  fail(fmt::format("{}: its scale is shared by several tokens, and schedule={} encodes one at a time; {} schedule=streaming "
                   "or hf", canonical(spec), schedule, advice));
}

void check_full_lane(const CacheSpec& spec, const LaneText& text) {
  if (spec.lane.schedule != "full") {
    fail(fmt::format("schedule={}: full precision encodes nothing; leave schedule out", spec.lane.schedule));
  }
  for (const std::string_view key : {"residual", "prefill"}) {
    if (text.given.contains(key)) fail(fmt::format("{}: full precision has none; leave it out", key));
  }
}

}  // namespace

const std::vector<SpecKey>& lane_keys() {
  static const std::vector<SpecKey> keys = {
      {"schedule", "", "when tokens are encoded; the default is that of the codec's peer", schedule_names()},
      {"residual", "", "tokens kept in full precision, from 0", {}},
      {"prefill", "full", "full: prefill attention reads what it was given; quantized: it reads the cache",
       {"full", "quantized"}},
  };
  return keys;
}

bool LaneText::take(std::string_view key, std::string_view value) {
  const auto& keys = lane_keys();
  const auto known = std::find_if(keys.begin(), keys.end(), [&](const SpecKey& lane) { return lane.name == key; });
  if (known == keys.end()) return false;
  check_value(*known, value);
  const std::string plain = key == "residual" ? std::to_string(*parse_count(value)) : std::string(value);
  const auto [place, added] = given.emplace(key, plain);
  if (!added && place->second != plain) {
    fail(fmt::format("{} is given as '{}' and as '{}': it belongs to the whole cache, keys, values and all layers; "
                     "keep one", key, place->second, plain));
  }
  return true;
}

std::string default_schedule(const CacheSpec& spec) {
  std::string schedule = schedule_of(spec.base);
  for (const LayerOverride& piece : spec.overrides) {
    if (schedule.empty()) schedule = schedule_of(piece.layer);
  }
  return schedule.empty() ? "full" : schedule;
}

LaneSpec decide_lane(const CacheSpec& spec, const LaneText& text) {
  const auto given = [&](std::string_view key, std::string fallback) {
    const auto found = text.given.find(key);
    return found == text.given.end() ? fallback : found->second;
  };
  LaneSpec lane;
  lane.schedule = given("schedule", default_schedule(spec));
  const int64_t residual = find_schedule(lane.schedule).default_residual;
  lane.residual = *parse_count(given("residual", std::to_string(residual)));
  lane.prefill = given("prefill", "full");
  return lane;
}

void check_lane(const CacheSpec& spec, const LaneText& text) {
  if (encodes_nothing(spec)) return check_full_lane(spec, text);
  if (spec.lane.schedule == "full") {
    fail("schedule=full: some layer or side is quantized; expected hf, streaming or immediate, or the cache 'full'");
  }
  const int64_t smallest = find_schedule(spec.lane.schedule).smallest_residual;
  if (spec.lane.residual < smallest) {
    fail(fmt::format("residual={}: {} gathers blocks of residual tokens; expected {} or more", spec.lane.residual,
                     spec.lane.schedule, smallest));
  }
  const int64_t largest = find_schedule(spec.lane.schedule).largest_residual;
  if (spec.lane.residual > largest) {
    fail(fmt::format("residual={}: {} keeps no residual; leave residual out", spec.lane.residual, spec.lane.schedule));
  }
  if (spec.lane.schedule != "immediate" && spec.lane.schedule != "hf-fp8") return;
  std::vector<LayerSpec> layers = {spec.base};
  for (const LayerOverride& piece : spec.overrides) layers.push_back(piece.layer);
  for (const LayerSpec& layer : layers) {
    check_immediate(layer.key, Side::key, spec.lane.schedule);
    check_immediate(layer.value, Side::value, spec.lane.schedule);
  }
}

std::string respelled(const SideSpec& side, const LaneSpec& lane, const std::map<std::string, std::string>& otherwise) {
  std::map<std::string, std::string> keys = side.values;
  keys["schedule"] = lane.schedule;
  keys["prefill"] = lane.prefill;
  if (find_schedule(lane.schedule).default_residual > 0) keys["residual"] = fmt::format("{}", lane.residual);
  for (const auto& [key, value] : otherwise) keys[key] = value;
  std::string text = side.codec;
  for (const auto& [key, value] : keys)
    if (!value.empty()) text += fmt::format("{}{}={}", text == side.codec ? ":" : ",", key, value);
  return text;
}

std::string canonical_lane(const CacheSpec& spec) {
  std::vector<std::string> pieces;
  if (spec.lane.schedule != default_schedule(spec)) pieces.push_back("schedule=" + spec.lane.schedule);
  if (spec.lane.residual != find_schedule(spec.lane.schedule).default_residual) {
    pieces.push_back(fmt::format("residual={}", spec.lane.residual));
  }
  if (spec.lane.prefill != "full") pieces.push_back("prefill=" + spec.lane.prefill);
  return fmt::format("{}", fmt::join(pieces, ","));
}

}  // namespace kvdiff
