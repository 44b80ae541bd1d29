#include <fmt/format.h>

#include <algorithm>

#include "cache_backends/error.h"
#include "cache_backends/registry.h"
#include "cache_backends/spec_lane.h"
#include "harness/audit/evidence.h"

namespace kvdiff {
namespace {

struct Otherwise {
  std::string_view cause;
  std::map<std::string, std::string> keys;
};

std::string_view cause_of(const std::string& key) {
  if (key == "axis" || key == "group" || key == "per") return cause::group_layout;
  if (key == "round") return cause::rounding;
  if (key == "scale") return cause::saturation;
  if (key == "rotate") return cause::position;
  return cause::precision;
}

void add_codec_keys(std::vector<Otherwise>& all, const SideSpec& side) {
  for (const SpecKey& key : spec_keys(find_codec(side.codec))) {
    std::vector<std::string> values = key.choices;
    if (values.empty()) values = key.name == "group" ? std::vector<std::string>{"8", "16", "32", "64", "128"} : std::vector<std::string>{};
    for (const std::string& value : values)
      if (const auto now = side.values.find(key.name); now != side.values.end() && now->second != value && value != "torch")
        all.push_back({cause_of(key.name), {{key.name, value}}});
  }
}

void add_lane_keys(std::vector<Otherwise>& all, const LaneSpec& lane) {
  constexpr int64_t nearby = 20;
  const ScheduleRow& schedule = find_schedule(lane.schedule);
  if (schedule.default_residual > 0) {
    for (int64_t by = 1; by <= nearby; ++by)
      for (const int64_t residual : {lane.residual + by, lane.residual - by})
        if (residual >= schedule.smallest_residual)
          all.push_back({lane.schedule == "hf" && residual < 3 ? cause::requantization : cause::residual_window, {{"residual", fmt::format("{}", residual)}}});
    all.push_back({lane.schedule == "streaming" ? cause::not_active : cause::residual_window, {{"residual", "100000"}}});
  }
  if (lane.schedule != "immediate") all.push_back({cause::residual_window, {{"schedule", "immediate"}, {"residual", ""}}});
  all.push_back({cause::requantization, {{"schedule", "hf"}, {"residual", "1"}}});
}

// This layer alone, kept by another spec: what would attention read at this update? Empty: it cannot be told so.
std::vector<float> replayed(const Evidence& evidence, const std::string& spec) {
  CacheShape shape = evidence.shape;
  shape.layers = 1;
  const auto layer = static_cast<size_t>(evidence.layer);
  const Tape& whole = evidence.input.tape;
  const Tape tape{shape, whole.prompt, whole.tokens, whole.stride, whole.key.subspan(layer, 1), whole.value.subspan(layer, 1)};
  try {
    const auto cache = make_cache(parse_cache_spec(spec), shape);
    tape.append(*cache, 0, tape.prompt);
    for (int64_t update = 1; update <= evidence.update; ++update) tape.append(*cache, tape.prompt + update - 1, 1);
    return decoded(cache->pages(0), evidence.side, shape);
  } catch (const UserError&) {
    return {};
  }
}

}  // namespace

std::optional<Guess> rule_other_spec(const Evidence& evidence) {
  if (evidence.found_tokens != evidence.tokens) return std::nullopt;
  const CacheSpec& spec = evidence.input.spec;
  const LayerSpec layer = layer_spec(spec, evidence.layer, evidence.shape.layers);
  const SideSpec& side = evidence.side == Side::key ? layer.key : layer.value;
  if (is_full(side)) return std::nullopt;
  std::vector<Otherwise> all;
  add_codec_keys(all, side);
  add_lane_keys(all, spec.lane);
  for (const Otherwise& one : all) {
    const std::string text = respelled(side, spec.lane, one.keys);
    if (replayed(evidence, text) != evidence.found) continue;
    return Guess{one.cause, fmt::format("to the last bit what {} gives", canonical(parse_cache_spec(text))), 1};
  }
  return std::nullopt;
}

// What should be read from codes is read as it was given.
std::optional<Guess> rule_not_encoded(const Evidence& evidence) {
  if (evidence.found_tokens != evidence.tokens) return std::nullopt;
  const double share = explained(evidence, evidence.given);
  if (share < 1) return std::nullopt;
  return Guess{cause::not_active, fmt::format("{} tokens are read in full precision, where codes should be", evidence.changed_rows()), 1};
}

}  // namespace kvdiff
