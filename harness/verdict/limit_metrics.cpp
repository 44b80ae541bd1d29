#include <algorithm>
#include <limits>

#include "harness/verdict/limits.h"

namespace kvdiff {
namespace {

constexpr double never = std::numeric_limits<double>::infinity();

LimitFigure not_measured(std::string_view why) { return {{std::nullopt, std::string(why)}}; }

constexpr std::string_view no_forced = "the forced mode was not run";
constexpr std::string_view no_free = "the free mode was not run";

LimitFigure at_step(std::optional<int64_t> step) {
  if (!step) return {{never, ""}};
  return {{static_cast<double>(*step), ""}, *step};
}

LimitFigure flip_count(const LaneReport& lane) {
  if (!lane.forced) return not_measured(no_forced);
  const auto& flips = lane.forced->flips;
  return {{static_cast<double>(flips.size()), ""}, flips.empty() ? -1 : flips.front().step};
}

LimitFigure real_flip_count(const LaneReport& lane) {
  if (!lane.forced) return not_measured(no_forced);
  LimitFigure found{{0.0, ""}};
  for (const FlipReport& flip : lane.forced->flips) {
    if (flip.near_tie == NearTie::unknown) return not_measured("the arithmetic floor was not measured: no flip can be told from a near-tie");
    if (flip.near_tie == NearTie::yes) continue;
    if (found.step < 0) found.step = flip.step;
    *found.figure.value += 1;
  }
  return found;
}

LimitFigure first_divergence(const LaneReport& lane) {
  if (!lane.free) return not_measured(no_free);
  const auto& divergence = lane.free->first_divergence;
  return at_step(divergence ? std::optional(divergence->step) : std::nullopt);
}

LimitFigure onset(const LaneReport& lane) {
  return lane.forced ? at_step(lane.forced->onset.step) : not_measured(no_forced);
}

LimitFigure gibberish_onset(const LaneReport& lane) {
  if (!lane.free) return not_measured(no_free);
  if (!lane.free->gibberish) return not_measured("nothing looked for gibberish");
  const int64_t step = lane.free->gibberish->onset;
  return at_step(step >= 0 ? std::optional(step) : std::nullopt);
}

LimitFigure saving(const LaneReport& lane) {
  if (lane.bytes.full_precision <= 0) return not_measured("the cache held nothing");
  return {{1.0 - static_cast<double>(lane.bytes.total) / static_cast<double>(lane.bytes.full_precision), ""}};
}

LimitFigure total_bytes(const LaneReport& lane) { return {{static_cast<double>(lane.bytes.total), ""}}; }

LimitFigure not_finite(const LaneReport& lane) {
  LimitFigure found{{0.0, ""}};
  for (const NotFiniteReport& one : lane.not_finite) {
    if (*found.figure.value == 0) found.step = one.place.step, found.layer = one.place.layer;
    *found.figure.value += static_cast<double>(one.count);
  }
  return found;
}

// The largest of the curve, with its step; the metric of the same name knows the value, not the place.
LimitFigure kld_max(const LaneReport& lane) {
  if (!lane.forced) return not_measured(no_forced);
  const auto& kld = lane.forced->kld;
  const auto* largest = find_figure(lane.forced->summary, "kld_max");
  if (largest == nullptr || !largest->value) return not_measured(largest ? largest->reason : "no KLD was measured");
  const auto at = std::ranges::find(kld, *largest->value);
  return {*largest, at == kld.end() ? -1 : at - kld.begin()};
}

constexpr LimitMetric table[] = {
    {"kld_max", "nats", "largest KLD of a step", Worse::larger, Mode::forced, kld_max},
    {"flips", "steps", "steps whose most likely token differs, near-ties included", Worse::larger, Mode::forced, flip_count},
    {"real_flips", "steps", "flips that are not near-ties; needs the arithmetic floor", Worse::larger, Mode::forced, real_flip_count},
    {"first_divergence", "step", "first step at which the free text parts from the reference's", Worse::smaller, Mode::free, first_divergence},
    {"onset", "step", "first step from which the KLD stays above its threshold", Worse::smaller, Mode::forced, onset},
    {"gibberish_onset", "token", "first token of the stretch that is gibberish", Worse::smaller, Mode::free, gibberish_onset},
    {"saving", "1", "share of the FP16 bytes that is saved, 0 ... 1", Worse::smaller, std::nullopt, saving},
    {"bytes", "bytes", "all that the cache holds", Worse::larger, std::nullopt, total_bytes},
    {"not_finite", "values", "values that are NaN or infinite", Worse::larger, std::nullopt, not_finite},
};

}  // namespace

std::span<const LimitMetric> limit_metrics() { return table; }

}  // namespace kvdiff
