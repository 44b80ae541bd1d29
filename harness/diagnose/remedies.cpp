#include "harness/diagnose/remedies.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "cache_backends/error.h"

namespace kvdiff {
namespace {

struct Question {
  const CacheSpec& spec;
  int64_t layers, head_size;
  const Parts& accused;

  bool guilty(int64_t layer, Side side) const {
    return std::find(accused.begin(), accused.end(), Part{static_cast<int>(layer), side, -1}) != accused.end();
  }
  bool guilty_layer(int64_t layer) const { return guilty(layer, Side::key) || guilty(layer, Side::value); }
  CacheSpec with(const Rewrite& rewrite) const { return rewritten(spec, layers, rewrite); }
};

SideSpec with_value(SideSpec side, const std::string& key, const std::string& value) {
  if (side.values.contains(key)) side.values[key] = value;
  return side;
}

CacheSpec other_axis(const Question& ask) {
  return ask.with([](int64_t, Side, const SideSpec& now) {
    const auto axis = now.values.find("axis");
    return axis == now.values.end() ? now : with_value(now, "axis", axis->second == "0" ? "1" : "0");
  });
}

// Neighbouring channels of one token and head share a scale: nothing of another head or token stretches it.
CacheSpec within_a_token(const Question& ask) {
  return ask.with([&](int64_t, Side, const SideSpec& now) {
    if (now.values.contains("per")) return with_value(now, "per", "token-head");
    if (!now.values.contains("axis")) return now;
    const int64_t group = std::gcd(static_cast<int64_t>(std::stoll(now.values.at("group"))), ask.head_size);
    return with_value(with_value(now, "axis", now.codec == "quanto" ? "0" : "1"), "group", std::to_string(group));
  });
}

CacheSpec smaller_group(const Question& ask) {
  static constexpr long long smallest = 8;
  return ask.with([](int64_t, Side, const SideSpec& now) {
    const auto group = now.values.find("group");
    if (group == now.values.end()) return now;
    return with_value(now, "group", std::to_string(std::max(smallest, std::stoll(group->second) / 4)));
  });
}

CacheSpec guilty_keys_at_8(const Question& ask) {
  return ask.with([&](int64_t layer, Side side, const SideSpec& now) {
    return side == Side::key && ask.guilty_layer(layer) ? at_eight_bits(now) : now;
  });
}

CacheSpec guilty_at_8(const Question& ask) {
  return ask.with([&](int64_t layer, Side side, const SideSpec& now) { return ask.guilty(layer, side) ? at_eight_bits(now) : now; });
}

CacheSpec short_window(const Question& ask) {
  constexpr int64_t tokens = 32;
  CacheSpec spec = ask.spec;
  spec.lane.residual = std::max(tokens, ask.spec.lane.residual);
  return spec;
}

CacheSpec larger_residual(const Question& ask) {
  constexpr int64_t usual = 128;
  CacheSpec spec = ask.spec;
  spec.lane.residual = std::max(usual, 2 * ask.spec.lane.residual);
  return spec;
}

CacheSpec keys_at_8(const Question& ask) {
  return ask.with([](int64_t, Side side, const SideSpec& now) { return side == Side::key ? at_eight_bits(now) : now; });
}

CacheSpec all_at_8(const Question& ask) {
  return ask.with([](int64_t, Side, const SideSpec& now) { return at_eight_bits(now); });
}

CacheSpec guilty_full(const Question& ask) { return exempting(ask.spec, ask.layers, ask.accused); }

CacheSpec integers(const Question&) { return parse_cache_spec("int8"); }

struct Row {
  std::string_view name;
  CacheSpec (*spec)(const Question& ask);
  bool same_bits = false, regrouped = false, longer_window = false;
};
constexpr Row rows[] = {{"the other axis", other_axis, true, true},
                        {"groups within one token and head", within_a_token, true, true},
                        {"a quarter of the group", smaller_group, true},
                        {"keys at 8 bits in the accused layers", guilty_keys_at_8},
                        {"the accused sides at 8 bits", guilty_at_8},
                        {"the accused sides in full precision", guilty_full},
                        {"a residual of 32 tokens", short_window, false, false, true},
                        {"a larger residual", larger_residual, false, false, true},
                        {"all keys at 8 bits", keys_at_8},
                        {"everything at 8 bits", all_at_8},
                        {"int8", integers}};

// Nothing where the grammar or the model cannot have it.
std::optional<CacheSpec> possible(const Row& row, const Question& ask, const CacheShape& shape) {
  try {
    CacheSpec spec = parse_cache_spec(canonical(row.spec(ask)));
    make_cache(spec, shape);
    return spec;
  } catch (const UserError&) {
    return std::nullopt;
  }
}

bool known(const std::vector<Remedy>& remedies, const CacheSpec& spec) {
  return std::any_of(remedies.begin(), remedies.end(), [&](const Remedy& one) { return one.spec == spec; });
}

}  // namespace

// Of the same codec where it has 8 bits; quanto and kivi end at 4, and ggml's blocks have a name of their own.
SideSpec at_eight_bits(const SideSpec& side) {
  if (is_full(side)) return side;
  if (side.codec.size() > 1 && side.codec[0] == 'q' && side.codec[1] >= '0' && side.codec[1] <= '9') return parse_cache_spec("q8_0").base.key;
  if (side.codec == "iq4_nl") return parse_cache_spec("q8_0").base.key;
  if (side.codec == "quanto" || side.codec == "kivi") return parse_cache_spec("int8").base.key;
  if (side.codec != "int4") return with_value(side, "bits", "8");
  SideSpec gentler = side;
  gentler.codec = "int8";
  return gentler;
}

std::vector<Remedy> remedies_for(const CacheSpec& spec, const CacheShape& shape, const Parts& accused) {
  const Question ask{spec, shape.layers, shape.head_size, accused};
  std::vector<Remedy> remedies;
  for (const Row& row : rows) {
    const auto one = possible(row, ask, shape);
    if (one && !(*one == spec) && !known(remedies, *one)) remedies.push_back({std::string(row.name), *one, row.same_bits, row.regrouped, row.longer_window});
  }
  return remedies;
}

std::vector<Remedy> gentler_formats(const CacheSpec& spec, int64_t layers) {
  const Question ask{spec, layers, 1, {}};
  std::vector<Remedy> formats;
  for (const auto& [name, one] : {std::pair{"everything at 8 bits", all_at_8(ask)}, {"int8", integers(ask)}})
    if (!(one == spec) && !known(formats, one)) formats.push_back({std::string(name), one});
  return formats;
}

}  // namespace kvdiff
