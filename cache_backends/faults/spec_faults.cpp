#include <fmt/format.h>

#include <cmath>

#include "cache_backends/faults/fault_tables.h"
#include "cache_backends/registry.h"
#include "cache_backends/spec_lane.h"

namespace kvdiff {
namespace {

std::string with(const SideSpec& side, const LaneSpec& lane, const std::string& key, const std::string& value) {
  if (!side.values.contains(key) || side.values.at(key) == value) return "";
  return respelled(side, lane, {{key, value}});
}

std::string fewer_bits(const SideSpec& side, const LaneSpec& lane, double) {
  if (!side.values.contains("bits")) return "";
  const std::string& bits = side.values.at("bits");
  return with(side, lane, "bits", bits == "8" ? "4" : bits == "4" ? "2" : bits);
}

std::string other_axis(const SideSpec& side, const LaneSpec& lane, double) {
  if (side.codec != "hqq") return "";
  return with(side, lane, "axis", side.values.at("axis") == "0" ? "1" : "0");
}

std::string other_group(const SideSpec& side, const LaneSpec& lane, double) {
  if (!side.values.contains("group")) return "";
  return with(side, lane, "group", side.values.at("group") == "32" ? "16" : "32");
}

std::string truncated(const SideSpec& side, const LaneSpec& lane, double) { return with(side, lane, "round", "truncate"); }

std::string frozen(const SideSpec& side, const LaneSpec& lane, double) { return with(side, lane, "scale", "frozen"); }

std::string solver_off(const SideSpec& side, const LaneSpec& lane, double) { return with(side, lane, "solver", "off"); }

std::string not_at_all(const SideSpec&, const LaneSpec&, double) { return "full"; }

std::string with_residual(const SideSpec& side, const LaneSpec& lane, int64_t residual) {
  const ScheduleRow& schedule = find_schedule(lane.schedule);
  if (schedule.default_residual <= 0 || residual < schedule.smallest_residual) return "";
  return respelled(side, lane, {{"residual", fmt::format("{}", residual)}});
}

std::string longer(const SideSpec& side, const LaneSpec& lane, double strength) { return with_residual(side, lane, lane.residual + std::llround(strength)); }
std::string shorter(const SideSpec& side, const LaneSpec& lane, double strength) {
  const int64_t residual = lane.residual - std::llround(strength);
  return residual < 3 ? "" : with_residual(side, lane, residual);  // below, hf encodes at every second step
}
std::string only_the_prompt(const SideSpec& side, const LaneSpec& lane, double) {
  return lane.schedule == "streaming" ? "" : with_residual(side, lane, 100000);  // streaming does not encode a short prompt either
}

std::string every_step(const SideSpec& side, const LaneSpec& lane, double) {
  if (lane.schedule == "hf" && lane.residual <= 2) return "";
  return respelled(side, lane, {{"schedule", "hf"}, {"residual", "1"}});
}

std::string at_once(const SideSpec& side, const LaneSpec& lane, double) {
  if (lane.schedule != "streaming") return "";
  return respelled(side, lane, {{"schedule", "immediate"}, {"residual", ""}});
}

bool any(const SideSpec&, const LaneSpec&, const CacheShape&, const FaultPlace&) { return true; }

constexpr PlantedFault rows[] = {
    {"bits.fewer", "precision", "M", "half the bits that the spec says", 1, 1, false, false, nullptr, fewer_bits, {}, any},
    {"group.other_axis", "group layout", "A", "groups run along the other axis", 1, 1, false, false, nullptr, other_axis, {}, any},
    {"group.other_size", "group layout", "A", "groups are of another size", 1, 1, false, false, nullptr, other_group, {}, any},
    {"solver.off", "precision", "P", "scales are not optimised", 1, 1, false, false, nullptr, solver_off, {}, any},
    {"rounding.truncate", "rounding mode", "T", "codes are truncated", 1, 1, false, false, nullptr, truncated, {}, any},
    {"saturation.frozen_scale", "saturation", "P", "scales are those of the first block for ever", 1, 1, false, false, nullptr, frozen, {}, any},
    {"quantization.never", "quantization not active", "H", "nothing is encoded", 1, 1, false, false, nullptr, not_at_all, {}, any},
    {"quantization.prompt_only", "residual window", "F", "generated tokens are never encoded", 1, 1, false, false, nullptr, only_the_prompt, {}, any},
    {"residual.longer", "residual window", "F", "the window holds so many tokens more", 1, 16, false, false, nullptr, longer, {}, any},
    {"residual.shorter", "residual window", "F", "the window holds so many tokens less", 1, 8, false, false, nullptr, shorter, {}, any},
    {"residual.none", "residual window", "F", "tokens are encoded on arrival", 1, 1, false, false, nullptr, at_once, {}, any},
    {"requantization.every_step", "re-quantization", "R", "the history is encoded anew at every second step", 1, 1, false, false, nullptr, every_step, {}, any},
};

}  // namespace

std::span<const PlantedFault> spec_faults() { return rows; }

}  // namespace kvdiff
