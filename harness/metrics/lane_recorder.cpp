#include "harness/metrics/lane_recorder.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>

#include "cache_backends/error.h"
#include "harness/metrics/totals.h"

namespace kvdiff {

namespace {

constexpr float no_value = std::numeric_limits<float>::quiet_NaN();

bool is_heat_mapped(Stage stage) {
  return stage == Stage::key || stage == Stage::value || stage == Stage::attention_output || stage == Stage::hidden;
}

bool is_history(Stage stage) { return stage == Stage::key_read || stage == Stage::value_read; }

float relative_l2(double reference_squared, double difference_squared, int64_t compared) {
  if (compared == 0) return no_value;
  if (difference_squared == 0) return 0;
  if (reference_squared == 0) return no_value;
  return static_cast<float>(std::sqrt(difference_squared / reference_squared));
}

std::string_view kind_of(float value) {
  if (std::isnan(value)) return "NaN";
  return value > 0 ? "+infinity" : "-infinity";
}

NotFinite not_finite_at(const Observation& observation, RowSource& rows, Place place, int64_t index) {
  const auto [reference, candidate] = rows.at(place.head, index);
  place.index = index;
  const bool in_reference = !std::isfinite(reference);
  return {observation.lane, observation.mode, observation.stage,       place,
          in_reference,     !std::isfinite(candidate), kind_of(in_reference ? reference : candidate)};
}

VocabularyStep broken_step(const Observation& observation) {
  VocabularyStep step;
  step.step = observation.step;
  step.finite = false;
  step.followed_token = observation.followed_token;
  return step;
}

}  // namespace

LaneRecorder::LaneRecorder(Mode mode, int layers, int64_t expected_steps, ReferenceSoftmax& reference)
    : layers_(layers), expected_steps_(expected_steps), host_(reference) {
  measured_.mode = mode;
  measured_.stages.resize(stage_count);
  for (int i = 0; i < stage_count; ++i) measured_.stages[static_cast<size_t>(i)].stage = static_cast<Stage>(i);
}

StageMeasurements& LaneRecorder::prepare(const Observation& observation) {
  StageMeasurements& stage = measured_.stages[static_cast<size_t>(observation.stage)];
  if (!stage.measured) {
    stage.measured = true;
    stage.layers = observation.stage == Stage::logits ? 1 : layers_;
    stage.heads = static_cast<int>(observation.rows);
    stage.totals.resize(static_cast<size_t>(stage.layers) * static_cast<size_t>(stage.heads));
    stage.by_step.reserve(static_cast<size_t>(expected_steps_));
  }
  if (observation.rows != stage.heads)
    throw InternalError(fmt::format("{} with {} heads, after {} before", name_of(observation.stage), observation.rows,
                                    stage.heads));
  const auto steps = static_cast<size_t>(observation.step) + 1;
  if (stage.by_step.size() < steps) stage.by_step.resize(steps);
  measured_.steps = std::max(measured_.steps, observation.step + 1);
  return stage;
}

void LaneRecorder::note_not_finite(const Observation& observation, RowSource& rows, int head, const RowResult& row) {
  measured_.not_finite += observation.columns - row.compared;
  const Place place = {observation.step, observation.layer, head, -1};
  if (!measured_.first_not_finite)
    measured_.first_not_finite = not_finite_at(observation, rows, place, row.first_not_finite);
  if (!measured_.first_not_finite_reference && row.first_not_finite_reference >= 0)
    measured_.first_not_finite_reference = not_finite_at(observation, rows, place, row.first_not_finite_reference);
}

LaneRecorder::Joined LaneRecorder::add_rows(const Observation& observation, RowSource& rows, StageMeasurements& stage) {
  Joined joined;
  const size_t layer = observation.stage == Stage::logits ? 0 : static_cast<size_t>(observation.layer);
  for (int head = 0; head < stage.heads; ++head) {
    const RowResult row = rows.measure(head);
    if (!row.finite()) note_not_finite(observation, rows, head, row);
    const Place place = {observation.step, observation.layer, head, -1};
    const auto index = static_cast<size_t>(head);
    const RowInPlace at = {observation.stage, place, observation.columns, row, rows};
    joined.attention_sum += add_row(at, stage.totals[layer * static_cast<size_t>(stage.heads) + index]);
    joined.attention_rows += counts_as_attention_row(at);
    joined.compared += row.compared;
    joined.reference_squared += row.sums.reference_squared;
    joined.difference_squared += row.sums.difference_squared;
    joined.max_abs = std::max(joined.max_abs, row.sums.max_abs);
  }
  return joined;
}

void LaneRecorder::add_to_step(const Observation& observation, const Joined& joined, StageMeasurements& stage) {
  StepTotals& step = stage.by_step[static_cast<size_t>(observation.step)];
  step.compared += joined.compared;
  step.reference_squared += joined.reference_squared;
  step.difference_squared += joined.difference_squared;
  step.attention_sum += joined.attention_sum;
  step.attention_rows += joined.attention_rows;
  step.max_abs = std::max(step.max_abs, static_cast<float>(joined.max_abs));
}

void LaneRecorder::add_to_heat_map(const Observation& observation, const Joined& joined) {
  auto map = std::find_if(measured_.heat_maps.begin(), measured_.heat_maps.end(),
                          [&](const HeatMap& one) { return one.stage == observation.stage; });
  if (map == measured_.heat_maps.end()) {
    measured_.heat_maps.push_back({observation.stage, layers_, 0, {}});
    map = measured_.heat_maps.end() - 1;
    map->relative_l2.reserve(static_cast<size_t>(expected_steps_ * layers_));
  }
  if (map->steps <= observation.step) {
    map->steps = observation.step + 1;
    map->relative_l2.resize(static_cast<size_t>(map->steps * layers_), no_value);
  }
  map->relative_l2[static_cast<size_t>(observation.step * layers_ + observation.layer)] =
      relative_l2(joined.reference_squared, joined.difference_squared, joined.compared);
}

void LaneRecorder::add_history(const Observation& observation, const Joined& joined) {
  const float error = relative_l2(joined.reference_squared, joined.difference_squared, joined.compared);
  measured_.histories.push_back({observation.stage, static_cast<int32_t>(observation.step), observation.layer,
                                 observation.columns, error, static_cast<float>(joined.max_abs)});
}

void LaneRecorder::add_vocabulary(const Observation& observation, RowSource& rows, bool finite) {
  measured_.vocabulary.push_back(finite ? rows.vocabulary() : broken_step(observation));
}

void LaneRecorder::on(const Observation& observation) {
  if (!observation.device) return measure(observation, host_);
  if (!device_.has_room(observation)) measure_batch();
  device_.start(observation);
}

ModeMeasurements& LaneRecorder::measured() {
  measure_batch();  // what was under way
  measure_batch();  // what was started, and only now comes over
  return measured_;
}

void LaneRecorder::measure_batch() {
  for (const Observation& observation : device_.turn()) measure(observation, device_);
}

void LaneRecorder::measure(const Observation& observation, RowSource& rows) {
  StageMeasurements& stage = prepare(observation);
  const int64_t broken_before = measured_.not_finite;
  rows.take(observation);
  const Joined joined = add_rows(observation, rows, stage);
  add_to_step(observation, joined, stage);
  if (is_heat_mapped(observation.stage)) add_to_heat_map(observation, joined);
  if (is_history(observation.stage)) add_history(observation, joined);
  if (observation.stage == Stage::logits) add_vocabulary(observation, rows, measured_.not_finite == broken_before);
}

}  // namespace kvdiff
