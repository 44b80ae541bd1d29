#include "harness/diagnose/error_study.h"

#include <cmath>
#include <map>

#include "harness/diagnose/read_error.h"

namespace kvdiff {
namespace {

constexpr size_t candidate_lane = 2;  // of the run; the gentler formats follow

// [2 * layer + side]
using Replayed = std::vector<ReplayedSide>;

size_t place_of(int layer, Side side) { return static_cast<size_t>(2 * layer + (side == Side::value)); }

// `look` sees what each side holds at the end, before it is let go.
using Look = std::function<void(int layer, Side side, const ReplayedSide& one)>;
Replayed replayed(const Material& fed, ThreadPool& pool, const MakeCache& make, const Look& look) {
  Replayed all(static_cast<size_t>(2 * fed.shape.layers));
  replay(fed, pool, make, [&](int layer, Side side, ReplayedSide&& one) {
    if (look) look(layer, side, one);
    one.held = {};
    all[place_of(layer, side)] = std::move(one);
  });
  return all;
}

bool encodes_again(const Replayed& all) {
  for (const ReplayedSide& one : all)
    for (const ReplayedFlush& flush : one.flushes)
      if (flush.most_times > 1) return true;
  return false;
}

// By step: the flush of each layer that had one.
using ByStep = std::map<int64_t, std::vector<std::pair<int, const ReplayedFlush*>>>;
ByStep by_step(const Replayed& all, Side side) {
  ByStep steps;
  for (int layer = 0; 2 * static_cast<size_t>(layer) < all.size(); ++layer)
    for (const ReplayedFlush& flush : all[place_of(layer, side)].flushes) steps[flush.step].emplace_back(layer, &flush);
  return steps;
}

FlushSide joined(Side side, const ByStep::mapped_type& layers) {
  const ReplayedFlush& any = *layers.front().second;
  FlushSide result{side, any.first, 0, any.least_times, 0, 0, 0, 0, 0, 0, 0, -1, -1, {}};
  ErrorSums before, after;
  int64_t end = 0;
  for (const auto& [layer, flush] : layers) {
    result.first = std::min(result.first, flush->first);
    end = std::max(end, flush->first + flush->tokens);
    result.least_times = std::min(result.least_times, flush->least_times);
    result.most_times = std::max(result.most_times, flush->most_times);
    result.compared += flush->compared;
    result.changed += flush->changed;
    before.add(flush->before);
    after.add(flush->after);
    if (const double error = flush->after.relative(); error > result.worst_layer_error) {
      result.worst_layer = layer;
      result.worst_layer_error = error;
    }
  }
  result.tokens = end - result.first;
  result.before = before.relative();
  result.after = after.relative();
  result.largest_before = before.largest;
  result.largest_after = after.largest;
  return result;
}

double error_after(const ByStep::mapped_type& layers) {
  ErrorSums after;
  for (const auto& [layer, flush] : layers) after.add(flush->after);
  return after.relative();
}

// Of the finite steps in [first, last).
std::optional<double> mean_kld(const std::vector<double>& kld, int64_t first, int64_t last) {
  double sum = 0;
  int64_t count = 0;
  for (int64_t step = std::max<int64_t>(0, first); step < std::min(last, static_cast<int64_t>(kld.size())); ++step) {
    if (!std::isfinite(kld[static_cast<size_t>(step)])) continue;
    sum += kld[static_cast<size_t>(step)];
    ++count;
  }
  return count > 0 ? std::optional(sum / static_cast<double>(count)) : std::nullopt;
}

LaneFlushes lane_flushes(const LaneReport& lane, const Replayed& chained, const Replayed& one_shot) {
  std::map<int64_t, FlushRecord> records;
  for (const Side side : {Side::key, Side::value}) {
    ByStep pristine = one_shot.empty() ? ByStep{} : by_step(one_shot, side);
    for (const auto& [step, layers] : by_step(chained, side)) {
      FlushRecord& record = records[step];
      record.step = step;
      record.read_from = layers.front().second->read_from;
      record.sides.push_back(joined(side, layers));
      if (const auto same = pristine.find(step); same != pristine.end()) record.sides.back().one_shot = error_after(same->second);
    }
  }
  LaneFlushes result{lane.name, encodes_again(chained), {}};
  for (auto& [step, record] : records) {
    record.kld_before = mean_kld(lane.forced->kld, record.read_from - LaneFlushes::kld_steps, record.read_from);
    record.kld_after = mean_kld(lane.forced->kld, record.read_from, record.read_from + LaneFlushes::kld_steps);
    result.flushes.push_back(std::move(record));
  }
  return result;
}

LaneFlushes timeline(const LaneReport& lane, const Material& fed, ThreadPool& pool, const Look& look) {
  const CacheSpec spec = parse_cache_spec(lane.canonical);
  const Replayed chained = replayed(fed, pool, [&] { return make_cache(spec, fed.shape); }, look);
  Replayed one_shot;
  if (encodes_again(chained)) one_shot = replayed(fed, pool, [&] { return make_one_shot_cache(spec, fed.shape); }, {});
  return lane_flushes(lane, chained, one_shot);
}

// ---- what the first run says by layer

std::optional<double> figure(const LayerFigures& layer, Stage stage, std::string_view metric) {
  for (const StageFigures& one : layer.stages)
    if (one.stage == stage)
      if (const Figure* found = find_figure(one.figures, metric); found && found->value && std::isfinite(*found->value)) return found->value;
  return std::nullopt;
}

AttentionError attention_error(const LayerFigures& layer) {
  const auto score = [&](const char* metric) { return figure(layer, Stage::attention_logits, metric); };
  const auto mass = [&](const char* metric) { return figure(layer, Stage::attention_probs, metric); };
  return {score("attention_logit_rms"), score("attention_logit_max"), mass("attention_mass_moved"),
          mass("attention_mass_moved_max"), mass("sink_mass_reference"), mass("sink_mass_change")};
}

void describe_local(const LayerFigures& layer, LayerErrors& errors) {
  errors.output_born = figure(layer, Stage::attention_output, "relative_l2");
  errors.born = attention_error(layer);
  for (const StageFigures& one : layer.stages)
    if (one.stage == Stage::attention_output)
      for (const double error : one.relative_l2_by_head) errors.output_by_head.push_back(std::isfinite(error) ? std::optional(error) : std::nullopt);
}

void describe_forced(const LayerFigures& layer, LayerErrors& errors) {
  errors.output_forced = figure(layer, Stage::attention_output, "relative_l2");
  errors.hidden = figure(layer, Stage::hidden, "relative_l2");
  errors.forced = attention_error(layer);
  for (ReadError& side : errors.sides) side.written = figure(layer, side.side == Side::key ? Stage::key : Stage::value, "relative_l2");
}

std::vector<KindErrors> joined_kinds(const std::vector<LayerErrors>& layers) {
  std::vector<KindErrors> kinds = {{Side::key, {}, {}, {}, {}}, {Side::value, {}, {}, {}, {}}};
  for (const LayerErrors& layer : layers)
    for (size_t i = 0; i < kinds.size(); ++i) {
      kinds[i].sinks.add(layer.sides[i].sinks);
      kinds[i].prompt.add(layer.sides[i].prompt);
      kinds[i].generated.add(layer.sides[i].generated);
      kinds[i].residual.add(layer.sides[i].residual);
    }
  return kinds;
}

void add_map(Mode mode, Stage stage, const std::vector<HeatMapReport>& maps, std::vector<ErrorMap>& all) {
  for (const HeatMapReport& map : maps)
    if (map.stage == stage) all.push_back({mode, map});
}

}  // namespace

void study_errors(const RunReport& base, const Material& fed, ThreadPool& pool, Diagnosis& diagnosis) {
  const LaneReport& candidate = base.lanes[candidate_lane];
  ErrorProfile& profile = diagnosis.errors;
  profile.steps = candidate.forced->steps;
  profile.layers.resize(static_cast<size_t>(fed.shape.layers));
  for (LayerErrors& one : profile.layers) one.sides.resize(2);
  const Look look = [&](int layer, Side side, const ReplayedSide& held) {
    profile.layers[static_cast<size_t>(layer)].sides[side == Side::value] = read_error(fed, layer, side, held);
  };
  diagnosis.flushes.steps = profile.steps;
  for (size_t lane = candidate_lane; lane < base.lanes.size(); ++lane)
    diagnosis.flushes.lanes.push_back(timeline(base.lanes[lane], fed, pool, lane == candidate_lane ? look : Look{}));
  for (size_t layer = 0; layer < profile.layers.size(); ++layer) {
    profile.layers[layer].layer = static_cast<int64_t>(layer);
    if (layer < candidate.local->layers.size()) describe_local(candidate.local->layers[layer], profile.layers[layer]);
    if (layer < candidate.forced->layers.size()) describe_forced(candidate.forced->layers[layer], profile.layers[layer]);
  }
  profile.kinds = joined_kinds(profile.layers);
  add_map(Mode::local, Stage::attention_output, candidate.local->heat_maps, diagnosis.error_maps);
  add_map(Mode::forced, Stage::hidden, candidate.forced->heat_maps, diagnosis.error_maps);
}

}  // namespace kvdiff
