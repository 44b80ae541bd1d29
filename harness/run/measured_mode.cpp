#include "harness/run/measured_mode.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "harness/metrics/onset.h"
#include "harness/metrics/registry.h"

namespace kvdiff {
namespace {

constexpr int64_t heat_map_columns = 120;
constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

std::vector<MetricValue> values_of(Stage stage, const Totals& totals, std::span<const VocabularyStep> vocabulary) {
  std::vector<MetricValue> values;
  for (const NamedFigure& one : figures(stage, {totals, vocabulary}))
    values.push_back({std::string(one.metric->name), one.figure});
  return values;
}

double relative_l2(const Totals& totals) {
  return totals.reference_squared > 0 ? std::sqrt(totals.difference_squared / totals.reference_squared) : nothing;
}

StageFigures stage_figures(const StageMeasurements& stage, int layer) {
  const Totals all = layer_totals(stage, layer);
  StageFigures result{stage.stage, values_of(stage.stage, all, {}), {}, all.max_abs_place};
  for (int head = 0; head < stage.heads && stage.heads > 1; ++head)
    result.relative_l2_by_head.push_back(
        relative_l2(stage.totals[static_cast<size_t>(layer * stage.heads + head)]));
  return result;
}

std::vector<LayerFigures> layer_figures(const ModeMeasurements& measured) {
  std::vector<LayerFigures> layers;
  for (const StageMeasurements& stage : measured.stages) {
    if (!stage.measured || stage.stage == Stage::logits) continue;
    for (int layer = 0; layer < stage.layers; ++layer) {
      if (static_cast<size_t>(layer) >= layers.size()) layers.push_back({layer, {}});
      layers[static_cast<size_t>(layer)].stages.push_back(stage_figures(stage, layer));
    }
  }
  return layers;
}

std::vector<StepCurve> step_curves(const ModeMeasurements& measured) {
  std::vector<StepCurve> curves;
  for (const StageMeasurements& stage : measured.stages) {
    if (!stage.measured) continue;
    const std::vector<float> values = relative_l2_by_step(stage);
    curves.push_back({stage.stage, {values.begin(), values.end()}});
  }
  return curves;
}

double three_digits(double value) {
  if (!std::isfinite(value) || value == 0) return value;
  return std::stod(fmt::format("{:.3g}", value));
}

HeatMapReport compressed(const HeatMap& map) {
  HeatMapReport report{map.stage, map.steps, std::max<int64_t>(1, (map.steps + heat_map_columns - 1) / heat_map_columns),
                       {}};
  for (int layer = 0; layer < map.layers; ++layer) {
    std::vector<double> row;
    for (int64_t begin = 0; begin < map.steps; begin += report.steps_per_column) {
      double largest = nothing;
      for (int64_t step = begin; step < std::min(map.steps, begin + report.steps_per_column); ++step) {
        const double value = map.relative_l2[static_cast<size_t>(step * map.layers + layer)];
        if (!(value <= largest) && !std::isnan(value)) largest = value;
      }
      row.push_back(three_digits(largest));
    }
    report.relative_l2.push_back(std::move(row));
  }
  return report;
}

std::vector<HeatMapReport> heat_maps(const ModeMeasurements& measured) {
  std::vector<HeatMapReport> maps;
  for (const HeatMap& map : measured.heat_maps) maps.push_back(compressed(map));
  return maps;
}

std::vector<FlushError> flush_errors(const ModeMeasurements& measured) {
  std::vector<FlushError> flushes;
  for (const HistoryError& one : measured.histories)
    flushes.push_back({one.stage, one.step, one.layer, one.relative_l2, one.max_abs});
  std::stable_sort(flushes.begin(), flushes.end(), [](const FlushError& a, const FlushError& b) {
    return a.step != b.step ? a.step < b.step : a.layer < b.layer;
  });
  return flushes;
}

std::vector<FlipReport> flips(std::span<const VocabularyStep> vocabulary, const TokenText& text) {
  std::vector<FlipReport> all;
  for (const VocabularyStep& step : vocabulary) {
    if (!step.finite || !step.flip) continue;
    FlipReport flip{step.step, {step.reference_token, text(step.reference_token)},
                    {step.candidate_token, text(step.candidate_token)}, step.reference_margin, step.flip_gap,
                    step.candidate_rank, step.near_tie};
    all.push_back(std::move(flip));
  }
  return all;
}

std::optional<PerplexityReport> perplexity(std::span<const MetricValue> summary) {
  const auto value = [&](std::string_view name) -> std::optional<double> {
    for (const MetricValue& one : summary)
      if (one.metric == name) return one.figure.value;
    return std::nullopt;
  };
  const auto own = value("perplexity"), reference = value("reference_perplexity"), ratio = value("perplexity_ratio");
  if (!own || !reference || !ratio) return std::nullopt;
  return PerplexityReport{*reference, *own, *ratio};
}

}  // namespace

LocalReport local_report(const ModeMeasurements& measured) {
  return {measured.steps, layer_figures(measured), step_curves(measured), heat_maps(measured), flush_errors(measured)};
}

ForcedReport forced_report(const ModeMeasurements& measured, const TokenText& text, int64_t trained_steps) {
  ForcedReport report;
  report.steps = measured.steps;
  for (const VocabularyStep& step : measured.vocabulary) {
    report.kld.push_back(step.finite ? step.kld : nothing);
    report.top1_match.push_back(step.finite && !step.flip);
  }
  const std::span<const VocabularyStep> all = measured.vocabulary;
  const auto trained = all.first(std::min(all.size(), static_cast<size_t>(std::max<int64_t>(0, trained_steps))));
  report.summary = values_of(Stage::logits, stage_totals(measured.at(Stage::logits)), trained);
  report.flips = flips(all, text);
  report.perplexity = perplexity(report.summary);
  const OnsetRule rule;
  report.onset = {divergence_onset(all, rule), rule.threshold, rule.window};
  report.layers = layer_figures(measured);
  report.by_step = step_curves(measured);
  report.heat_maps = heat_maps(measured);
  report.flushes = flush_errors(measured);
  if (trained.size() < all.size())
    report.beyond_positions = {{trained_steps, values_of(Stage::logits, Totals{}, all.subspan(trained.size()))}};
  return report;
}

std::vector<NotMeasured> not_measured(const ModeMeasurements& measured) {
  std::vector<NotMeasured> missing;
  for (const StageMeasurements& stage : measured.stages)
    if (!stage.measured)
      missing.push_back({fmt::format("{}: {}", name_of(measured.mode), name_of(stage.stage)),
                         stage.reason.empty() ? "nothing of it was seen in this run" : stage.reason});
  return missing;
}

std::optional<NotFiniteReport> not_finite(const ModeMeasurements& measured) {
  if (!measured.first_not_finite) return std::nullopt;
  const NotFinite& first = *measured.first_not_finite;
  return NotFiniteReport{first.mode, first.stage, first.place, first.in_reference, first.in_candidate,
                         std::string(first.value), measured.not_finite};
}

}  // namespace kvdiff
