#include "harness/verdict/limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "cache_backends/error.h"
#include "cache_backends/nearest.h"
#include "harness/run_report_names.h"

namespace kvdiff {
namespace {

const LimitMetric* find_row(std::string_view name) {
  const auto row = std::ranges::find(limit_metrics(), name, &LimitMetric::name);
  return row == limit_metrics().end() ? nullptr : &*row;
}

// `local.key.relative_l2`
struct StageLimit {
  Mode mode;
  Stage stage;
  const Metric* metric;
};

template <class E> std::optional<E> value_named(std::string_view name) {
  for (const E one : EnumValues<E>::all) {
    if (name_of(one) == name) return one;
  }
  return std::nullopt;
}

std::optional<StageLimit> stage_limit(std::string_view name) {
  const size_t first = name.find('.'), second = name.find('.', first + 1);
  if (first == name.npos || second == name.npos) return std::nullopt;
  const auto mode = value_named<Mode>(name.substr(0, first));
  const auto stage = value_named<Stage>(name.substr(first + 1, second - first - 1));
  const Metric* metric = find_metric(name.substr(second + 1));
  if (!mode || *mode == Mode::free || !stage || metric == nullptr || !metric->applies_to(*stage)) return std::nullopt;
  return StageLimit{*mode, *stage, metric};
}

const Metric* logits_metric(std::string_view name) {
  const Metric* metric = find_metric(name);
  return metric != nullptr && metric->applies_to(Stage::logits) ? metric : nullptr;
}

std::vector<std::string_view> bare_names() {
  std::vector<std::string_view> names;
  for (const LimitMetric& row : limit_metrics()) names.push_back(row.name);
  for (const Metric& metric : metrics()) {
    if (metric.applies_to(Stage::logits) && find_row(metric.name) == nullptr) names.push_back(metric.name);
  }
  return names;
}

[[noreturn]] void refuse_name(std::string_view name) {
  const auto names = bare_names();
  throw UserError(ExitCode::usage,
                  fmt::format("--limit: found the metric \"{}\", expected one of {}, or MODE.STAGE.METRIC as in "
                              "local.key.relative_l2. Did you mean '{}'? `kvdiff list metrics` explains them",
                              name, joined(names), nearest_match(name, names)));
}

double parse_value(std::string_view text, std::string_view whole) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size() && std::isfinite(value)) return value;
  throw UserError(ExitCode::usage,
                  fmt::format("--limit {}: found \"{}\", expected a number after the equals sign, as in kld_mean=0.05", whole, text));
}

const std::vector<LayerFigures>* layers_of(const LaneReport& lane, Mode mode) {
  if (mode == Mode::local) return lane.local ? &lane.local->layers : nullptr;
  return lane.forced ? &lane.forced->layers : nullptr;
}

bool is_worse(double value, double than, Worse worse) { return worse == Worse::smaller ? value < than : value > than; }

// The worst layer.
LimitFigure worst_layer(const StageLimit& limit, const LaneReport& lane) {
  const auto* layers = layers_of(lane, limit.mode);
  LimitFigure worst{{std::nullopt, fmt::format("the {} mode did not measure {}", name_of(limit.mode), name_of(limit.stage))}};
  if (layers == nullptr) return worst;
  for (const LayerFigures& layer : *layers) {
    const auto stage = std::ranges::find(layer.stages, limit.stage, &StageFigures::stage);
    const Figure* figure = stage == layer.stages.end() ? nullptr : find_figure(stage->figures, limit.metric->name);
    if (figure == nullptr || !figure->value) continue;
    if (worst.figure.value && !is_worse(*figure->value, *worst.figure.value, limit.metric->worse)) continue;
    worst = {*figure, -1, layer.layer};
  }
  return worst;
}

LimitFigure logits_figure(std::string_view name, const LaneReport& lane) {
  if (!lane.forced) return {{std::nullopt, "the forced mode was not run"}};
  const Figure* figure = find_figure(lane.forced->summary, name);
  return {figure ? *figure : Figure{std::nullopt, "the forced mode did not measure it"}};
}

}  // namespace

Worse worse_direction(std::string_view metric) {
  if (const LimitMetric* row = find_row(metric)) return row->worse;
  if (const auto limit = stage_limit(metric)) return limit->metric->worse;
  if (const Metric* logits = logits_metric(metric)) return logits->worse;
  refuse_name(metric);
}

std::optional<Mode> mode_of(std::string_view metric) {
  if (const LimitMetric* row = find_row(metric)) return row->mode;
  if (const auto limit = stage_limit(metric)) return limit->mode;
  return Mode::forced;
}

LimitFigure measure_limit(std::string_view metric, const LaneReport& lane) {
  if (const LimitMetric* row = find_row(metric)) return row->measure(lane);
  if (const auto limit = stage_limit(metric)) {
    return limit->stage == Stage::logits ? logits_figure(limit->metric->name, lane) : worst_layer(*limit, lane);
  }
  return logits_figure(metric, lane);
}

void require_known(const LimitReport& limit) {
  if (worse_direction(limit.metric) != Worse::neither) return;
  throw UserError(ExitCode::usage, fmt::format("--limit {}: found a metric for which neither more nor less is worse, expected one "
                                               "that can be exceeded; `kvdiff list metrics` names them", limit.metric));
}

LimitReport parse_limit(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == text.npos) {
    throw UserError(ExitCode::usage, fmt::format("--limit {}: found no equals sign, expected METRIC=VALUE, as in kld_mean=0.05", text));
  }
  LimitReport limit{std::string(text.substr(0, equals)), parse_value(text.substr(equals + 1), text)};
  require_known(limit);
  return limit;
}

}  // namespace kvdiff
