#include "cache_backends/faults/planted_fault.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "cache_backends/error.h"
#include "cache_backends/faults/fault_tables.h"
#include "cache_backends/nearest.h"

namespace kvdiff {
namespace {

std::vector<PlantedFault> joined_tables() {
  std::vector<PlantedFault> all;
  for (const auto table : {scale_faults(), layout_faults(), position_faults(), state_faults(), spec_faults()})
    all.insert(all.end(), table.begin(), table.end());
  return all;
}

bool can_be_kept(const std::string& spec, const CacheShape& shape) {
  try {
    return !spec.empty() && make_cache(parse_cache_spec(spec), shape) != nullptr;
  } catch (const UserError&) {
    return false;
  }
}

template <class Number>
Number number(std::string_view key, std::string_view text, Number least, Number most) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= least && value <= most))
    throw UserError(ExitCode::usage, fmt::format("found {}={}, expected a number from {} to {}", key, text, least, most));
  return value;
}

double strength_of(const PlantedFault& fault, std::string_view text) {
  if (fault.weakest < fault.strongest) return number("strength", text, fault.weakest, fault.strongest);
  throw UserError(ExitCode::usage, fmt::format("found strength={}, expected none: {} is there, or it is not", text, fault.name));
}

void take(const PlantedFault& fault, FaultPlace& place, std::string_view key, std::string_view value) {
  constexpr int most = 1'000'000;
  if (key == "layer") place.layer = number<int>(key, value, 0, most);
  else if (key == "head") place.head = number<int64_t>(key, value, 0, most);
  else if (key == "update") place.update = number<int64_t>(key, value, 0, most);
  else if (key == "strength") place.strength = strength_of(fault, value);
  else if (key == "side" && (value == "key" || value == "value")) place.side = value == "key" ? Side::key : Side::value;
  else throw UserError(ExitCode::usage, fmt::format("found {}={}, expected layer, side=key or side=value, head, update or strength", key, value));
}

}  // namespace

std::span<const PlantedFault> planted_faults() {
  static const std::vector<PlantedFault> all = joined_tables();
  return all;
}

const PlantedFault& find_planted_fault(std::string_view name) {
  std::vector<std::string_view> names;
  for (const PlantedFault& fault : planted_faults()) {
    if (fault.name == name) return fault;
    names.push_back(fault.name);
  }
  throw UserError(ExitCode::usage, fmt::format("found fault '{}', expected one of {}; nearest: {}", name, joined(names), nearest_match(name, names)));
}

bool applies(const PlantedFault& fault, const FaultPlace& place, const FaultContext& context, const CacheShape& shape) {
  if (place.layer < 0 || place.layer >= shape.layers || place.head >= shape.heads) return false;
  if (place.head >= 0 && !fault.one_head) return false;
  const LayerSpec layer = layer_spec(context.spec, place.layer, shape.layers);
  const SideSpec& side = place.side == Side::key ? layer.key : layer.value;
  if (is_full(side)) return false;
  if (fault.respell && !can_be_kept(fault.respell(side, context.spec.lane, place.strength), shape)) return false;
  return fault.applies(side, context.spec.lane, shape, place);
}

FaultText parse_fault(std::string_view text) {
  const size_t comma = text.find(',');
  FaultText result{&find_planted_fault(text.substr(0, comma)), {}};
  result.place.strength = std::sqrt(result.fault->weakest * result.fault->strongest);
  std::string_view rest = comma == std::string_view::npos ? "" : text.substr(comma + 1);
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    const size_t equals = one.find('=');
    take(*result.fault, result.place, one.substr(0, equals), equals == std::string_view::npos ? "" : one.substr(equals + 1));
  }
  return result;
}

std::string text_of(const PlantedFault& fault, const FaultPlace& place) {
  std::string text = fmt::format("{},layer={},side={}", fault.name, place.layer, name_of(place.side));
  if (place.head >= 0) text += fmt::format(",head={}", place.head);
  text += fmt::format(",update={}", place.update);
  if (fault.weakest < fault.strongest) text += fmt::format(",strength={:.4g}", place.strength);
  return text;
}

}  // namespace kvdiff
