#include "harness/compare/compare_reports.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "cache_backends/error.h"
#include "harness/verdict/limits.h"

namespace kvdiff {
namespace {

constexpr std::string_view compared_figures[] = {
    "first_divergence", "gibberish_onset", "onset", "kld_mean", "kld_p99", "kld_max", "flips",
    "real_flips",       "perplexity_ratio", "not_finite", "bytes", "saving",
};

std::vector<DigestDifference> digest_differences(const DigestsReport& before, const DigestsReport& after) {
  const DigestDifference all[] = {{"build", before.build, after.build},
                                  {"model", before.model, after.model},
                                  {"tokenizer", before.tokenizer, after.tokenizer},
                                  {"prompt", before.prompt, after.prompt},
                                  {"config", before.config, after.config}};
  std::vector<DigestDifference> differences;
  for (const DigestDifference& one : all) {
    if (one.before != one.after || one.before.empty()) differences.push_back(one);
  }
  return differences;
}

[[noreturn]] void refuse(const std::vector<DigestDifference>& differences) {
  std::string text;
  const auto known = [](const std::string& digest) { return digest.empty() ? "unknown" : digest; };
  for (const auto& [what, before, after] : differences) {
    text += fmt::format("{}{} ({} and {})", text.empty() ? "" : ", ", what, known(before), known(after));
  }
  throw UserError(ExitCode::usage, fmt::format("the two reports were not made by the same build on the same input: found different {}; "
                                               "expected equal digests: run both again, or give --anyway to compare them nevertheless", text));
}

Trend trend_of(std::string_view metric, double before, double after) {
  const Worse worse = worse_direction(metric);
  if (worse == Worse::neither) return Trend::changed;
  const bool larger = after > before;
  return larger == (worse == Worse::larger) ? Trend::worse : Trend::better;
}

bool same_value(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

void compare_figure(std::string_view metric, const LaneReport& before, const LaneReport& after, LaneComparison& lane) {
  const Figure left = measure_limit(metric, before).figure, right = measure_limit(metric, after).figure;
  if (!left.value && !right.value) return;
  if (left.value && right.value && same_value(*left.value, *right.value)) return;
  const bool ordered = left.value && right.value && !std::isnan(*left.value) && !std::isnan(*right.value);
  lane.figures.push_back({std::string(metric), left, right, ordered ? trend_of(metric, *left.value, *right.value) : Trend::changed});
}

std::optional<int64_t> first_token_change(const LaneReport& before, const LaneReport& after) {
  if (!before.free || !after.free) return std::nullopt;
  const auto& a = before.free->tokens;
  const auto& b = after.free->tokens;
  const auto [left, right] = std::ranges::mismatch(a, b);
  if (left == a.end() && right == b.end()) return std::nullopt;
  return left - a.begin();
}

bool same_bits(const LaneDigests& a, const LaneDigests& b) {
  return !a.key.empty() && !a.value.empty() && !a.logits.empty() && a.key == b.key && a.value == b.value && a.logits == b.logits;
}

LaneComparison compare_lanes(const LaneReport& before, const LaneReport& after) {
  LaneComparison lane{after.name, after.canonical, after.role, true, true, before.status, after.status, {}, {}, false};
  for (const std::string_view metric : compared_figures) compare_figure(metric, before, after, lane);
  lane.first_token_change = first_token_change(before, after);
  lane.same_bits = same_bits(before.digests, after.digests);
  return lane;
}

LaneComparison lonely(const LaneReport& lane, bool in_before) {
  return {lane.name, lane.canonical, lane.role, in_before, !in_before, lane.status, lane.status, {}, {}, false};
}

using LaneKey = std::pair<std::string, LaneRole>;

std::multimap<LaneKey, const LaneReport*> by_key(const RunReport& report) {
  std::multimap<LaneKey, const LaneReport*> lanes;  // equal keys keep the order in which they came
  for (const LaneReport& lane : report.lanes) lanes.emplace(LaneKey{lane.canonical, lane.role}, &lane);
  return lanes;
}

bool has_trend(const LaneComparison& lane, Trend trend) {
  return std::ranges::any_of(lane.figures, [&](const FigureChange& figure) { return figure.trend == trend; });
}

void count(Comparison& comparison) {
  for (const LaneComparison& lane : comparison.lanes) {
    if (!lane.in_after) ++comparison.only_before;
    else if (!lane.in_before) ++comparison.only_after;
    else if (lane.changed()) ++comparison.changed;
    if (has_trend(lane, Trend::worse)) ++comparison.worse;
    else if (has_trend(lane, Trend::better)) ++comparison.better;
  }
}

}  // namespace

std::string_view name_of(Trend trend) {
  switch (trend) {
    case Trend::better: return "better";
    case Trend::worse: return "worse";
    case Trend::changed: return "changed";
  }
  return "";
}

bool LaneComparison::changed() const { return status_before != status_after || !figures.empty() || first_token_change.has_value(); }

Comparison compare_reports(const RunReport& before, const RunReport& after, bool anyway) {
  Comparison comparison{digest_differences(before.digests, after.digests), {}};
  if (!comparison.differences.empty() && !anyway) refuse(comparison.differences);
  auto partners = by_key(after);
  for (const LaneReport& lane : before.lanes) {
    const auto partner = partners.find({lane.canonical, lane.role});
    if (partner == partners.end()) {
      comparison.lanes.push_back(lonely(lane, true));
      continue;
    }
    comparison.lanes.push_back(compare_lanes(lane, *partner->second));
    partners.erase(partner);
  }
  for (const LaneReport& lane : after.lanes) {
    const bool left_over = std::ranges::any_of(partners, [&](const auto& one) { return one.second == &lane; });
    if (left_over) comparison.lanes.push_back(lonely(lane, false));
  }
  count(comparison);
  return comparison;
}

}  // namespace kvdiff
