#include "harness/metrics/recorder.h"

#include <cmath>
#include <fmt/format.h>
#include <tuple>
#include <utility>

#include "cache_backends/error.h"
#include "harness/metrics/divergence.h"
#include "harness/metrics/lane_recorder.h"

namespace kvdiff {

namespace {

void check(const Observation& observation, const RecorderSizes& sizes) {
  const bool logits = observation.stage == Stage::logits;
  const auto size = static_cast<size_t>(observation.rows * observation.columns);
  const bool lane_known = observation.lane >= 0 && observation.lane < sizes.lanes;
  const bool layer_known = logits ? observation.layer == -1 : observation.layer >= 0 && observation.layer < sizes.layers;
  const bool shape_known = observation.rows > 0 && observation.columns > 0 && (!logits || observation.rows == 1) &&
                           observation.reference.size() == size && observation.candidate.size() == size;
  if (lane_known && layer_known && shape_known && observation.step >= 0) return;
  throw InternalError(fmt::format(
      "observation of lane {}, step {}, layer {}, {}, {} x {} with {} and {} values; the recorder has {} lanes and {} layers",
      observation.lane, observation.step, observation.layer, name_of(observation.stage), observation.rows,
      observation.columns, observation.reference.size(), observation.candidate.size(), sizes.lanes, sizes.layers));
}

auto order_of(const NotFinite& found, int layers) {
  const int layer = found.stage == Stage::logits ? layers : found.place.layer;
  return std::make_tuple(found.place.step, layer, found.stage, found.lane, found.mode);
}

}  // namespace

Recorder::Recorder(const RecorderSizes& sizes) : sizes_(sizes), reference_(sizes.layers) {
  slots_.resize(static_cast<size_t>(sizes.lanes * mode_count));
  reasons_.resize(static_cast<size_t>((sizes.lanes + 1) * mode_count));
}

Recorder::~Recorder() = default;

void Recorder::on(const Observation& observation) {
  check(observation, sizes_);
  slot(observation.lane, observation.mode).on(observation);
}

LaneRecorder& Recorder::slot(LaneId lane, Mode mode) {
  std::unique_ptr<LaneRecorder>& slot = slots_[static_cast<size_t>(lane * mode_count + static_cast<int>(mode))];
  if (!slot) slot = std::make_unique<LaneRecorder>(mode, sizes_.layers, sizes_.steps, reference_);
  return *slot;
}

void Recorder::not_measured(Mode mode, Stage stage, const std::string& reason) {
  not_measured(sizes_.lanes, mode, stage, reason);
}

void Recorder::not_measured(LaneId lane, Mode mode, Stage stage, const std::string& reason) {
  reasons_[static_cast<size_t>(lane * mode_count + static_cast<int>(mode))][static_cast<size_t>(stage)] = reason;
}

std::string Recorder::reason(LaneId lane, Mode mode, Stage stage) const {
  for (const LaneId one : {lane, sizes_.lanes}) {
    const std::string& text =
        reasons_[static_cast<size_t>(one * mode_count + static_cast<int>(mode))][static_cast<size_t>(stage)];
    if (!text.empty()) return text;
  }
  return "not observed";
}

std::optional<NotFinite> Recorder::earliest(std::optional<NotFinite> ModeMeasurements::*which) const {
  std::optional<NotFinite> first;
  for (const auto& slot : slots_) {
    if (!slot || !(slot->measured().*which)) continue;
    const NotFinite& found = *(slot->measured().*which);
    if (!first || order_of(found, sizes_.layers) < order_of(*first, sizes_.layers)) first = found;
  }
  return first;
}

std::optional<NotFinite> Recorder::first_not_finite() const { return earliest(&ModeMeasurements::first_not_finite); }

std::optional<NotFinite> Recorder::first_not_finite_reference() const {
  return earliest(&ModeMeasurements::first_not_finite_reference);
}

const ModeMeasurements* Recorder::so_far(LaneId lane, Mode mode) const {
  const auto& slot = slots_[static_cast<size_t>(lane * mode_count + static_cast<int>(mode))];
  return slot ? &slot->measured() : nullptr;
}

LaneMeasurements Recorder::take(LaneId lane, std::span<const double> arithmetic_floor) {
  LaneMeasurements result;
  result.lane = lane;
  for (const Mode mode : {Mode::local, Mode::forced, Mode::free}) {
    auto& slot = slots_[static_cast<size_t>(lane * mode_count + static_cast<int>(mode))];
    if (!slot) continue;
    ModeMeasurements measured = std::move(slot->measured());
    slot.reset();
    for (StageMeasurements& stage : measured.stages)
      if (!stage.measured) stage.reason = reason(lane, mode, stage.stage);
    for (VocabularyStep& step : measured.vocabulary) {
      const auto index = static_cast<size_t>(step.step);
      const bool floor_known = index < arithmetic_floor.size() && !std::isnan(arithmetic_floor[index]);
      if (step.finite && floor_known) step.near_tie = near_tie(step.reference_margin, arithmetic_floor[index]);
    }
    result.modes.push_back(std::move(measured));
  }
  return result;
}

}  // namespace kvdiff
