#include "cache_backends/cache_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "cache_backends/error.h"
#include "cache_backends/nearest.h"
#include "cache_backends/registry.h"
#include "cache_backends/spec_lane.h"
#include "cache_backends/spec_text.h"

namespace kvdiff {
namespace {

[[noreturn]] void fail(const std::string& message) { throw UserError(ExitCode::usage, message); }

std::string legal_values(const SpecKey& key) {
  if (key.choices.empty()) return fmt::format("{} (a whole number from {})", key.name, key.name == "residual" ? 0 : 1);
  return fmt::format("{} ({})", key.name, fmt::join(key.choices, ", "));
}

[[noreturn]] void fail_key(std::string_view codec, std::string_view bad, const std::vector<SpecKey>& keys) {
  std::vector<std::string_view> names;
  std::vector<std::string> legal;
  for (const auto* table : {&keys, &lane_keys()}) {
    for (const SpecKey& key : *table) {
      names.push_back(key.name);
      legal.push_back(legal_values(key));
    }
  }
  fail(fmt::format("unknown key {} of {}: expected one of {}. Did you mean '{}'?", quoted(bad), codec,
                   fmt::join(legal, ", "), nearest_match(bad, names)));
}

// Between numbers the nearest is the one with the smallest difference; between words the one with the fewest edits.
std::string_view nearest_choice(std::string_view bad, const std::vector<std::string_view>& choices) {
  const auto wanted = parse_count(bad);
  const auto distance = [&](std::string_view choice) { return std::abs(*parse_count(choice) - *wanted); };
  const bool numbers = wanted && std::all_of(choices.begin(), choices.end(), [](auto choice) { return parse_count(choice); });
  if (!numbers) return nearest_match(bad, choices);
  return *std::min_element(choices.begin(), choices.end(), [&](auto left, auto right) {
    return distance(left) < distance(right);
  });
}

[[noreturn]] void fail_value(std::string_view codec, const SpecKey& key, std::string_view bad) {
  if (key.choices.empty()) {
    fail(fmt::format("{}={} of {}: expected a whole number from 1 to {}", key.name, quoted(bad), codec, largest_number));
  }
  const std::vector<std::string_view> choices(key.choices.begin(), key.choices.end());
  fail(fmt::format("{}={} of {}: expected one of {}. Did you mean '{}'?", key.name, quoted(bad), codec, joined(choices),
                   nearest_choice(bad, choices)));
}

std::string checked_value(std::string_view codec, const SpecKey& key, std::string_view text) {
  if (key.choices.empty()) {
    const auto number = parse_count(text);
    if (!number || *number < 1) fail_value(codec, key, text);
    return std::to_string(*number);
  }
  if (std::find(key.choices.begin(), key.choices.end(), text) == key.choices.end()) fail_value(codec, key, text);
  return std::string(text);
}

void check_no_duplicates(const SideText& text) {
  for (size_t i = 0; i < text.values.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (text.values[i].first == text.values[j].first) {
        fail(fmt::format("key {} of {} is given twice; keep one", quoted(text.values[i].first), quoted(text.name)));
      }
    }
  }
}

SideSpec parse_side(const SideText& text, LaneText& lane) {
  const CodecRow& row = find_codec(text.name);
  const std::vector<SpecKey> keys = spec_keys(row);
  check_no_duplicates(text);
  SideSpec side{std::string(row.name), {}};
  for (const SpecKey& key : keys) side.values[key.name] = key.default_value;
  for (const auto& given : text.values) {
    if (lane.take(given.first, given.second)) continue;
    const auto key = std::find_if(keys.begin(), keys.end(), [&](const SpecKey& known) { return known.name == given.first; });
    if (key == keys.end()) fail_key(row.name, given.first, keys);
    side.values[key->name] = checked_value(row.name, *key, given.second);
  }
  return side;
}

LayerSpec parse_layer(const BodyText& body, LaneText& lane) {
  SideSpec key = parse_side(body.key, lane);
  return {std::move(key), parse_side(body.value, lane)};
}

std::string canonical_side(const SideSpec& side, const std::string& lane) {
  std::string values;
  for (const SpecKey& key : spec_keys(find_codec(side.codec))) {
    const std::string& value = side.values.at(key.name);
    if (value != key.default_value) values += fmt::format("{}{}={}", values.empty() ? "" : ",", key.name, value);
  }
  if (!lane.empty()) values += fmt::format("{}{}", values.empty() ? "" : ",", lane);
  return values.empty() ? side.codec : fmt::format("{}:{}", side.codec, values);
}

std::string canonical_layer(const LayerSpec& layer, const std::string& lane) {
  if (layer.key == layer.value) return canonical_side(layer.key, lane);
  return fmt::format("k={}/v={}", canonical_side(layer.key, lane), canonical_side(layer.value, ""));
}

void check_layers(const LayerRanges& ranges, int64_t layers) {
  for (const auto& [first, last] : ranges) {
    if (last >= layers || first < -layers) {
      fail(fmt::format("override {}@: layer {} does not exist; the model has layers 0 to {}", text_of(ranges),
                       first < 0 ? first : last, layers - 1));
    }
  }
}

}  // namespace

bool operator==(const CacheSpec& left, const CacheSpec& right) {
  return left.lane == right.lane && left.base == right.base && left.overrides == right.overrides;
}

bool is_full(const SideSpec& side) { return side.codec == "full"; }

CacheSpec parse_cache_spec(std::string_view text) {
  const SpecText parsed = parse_spec_text(text);
  LaneText lane;
  CacheSpec spec;
  spec.text = text;
  spec.base = parse_layer(parsed.base, lane);
  for (const OverrideText& piece : parsed.overrides) {
    spec.overrides.push_back({piece.ranges, parse_layer(piece.body, lane)});
  }
  spec.lane = decide_lane(spec, lane);
  check_lane(spec, lane);
  return spec;
}

std::string canonical(const SideSpec& side) { return canonical_side(side, ""); }

std::string canonical(const CacheSpec& spec) {
  std::string text = canonical_layer(spec.base, canonical_lane(spec));
  for (const LayerOverride& piece : spec.overrides) {
    text += fmt::format("+{}@{}", text_of(piece.ranges), canonical_layer(piece.layer, ""));
  }
  return text;
}

LayerSpec layer_spec(const CacheSpec& spec, int64_t layer, int64_t layers) {
  LayerSpec result = spec.base;
  for (const LayerOverride& piece : spec.overrides) {
    check_layers(piece.ranges, layers);
    if (covers(piece.ranges, layer, layers)) result = piece.layer;
  }
  return result;
}

}  // namespace kvdiff
