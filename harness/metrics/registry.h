#pragma once
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/metrics/measurements.h"

namespace kvdiff {

// What a metric may look at. Stages other than logits fill totals; logits fills both.
struct Sample {
  const Totals& totals;
  std::span<const VocabularyStep> vocabulary;
};

enum class Worse { larger, smaller, neither };

// A metric is one file and one row of the table in registry.cpp. It returns numbers, never a judgement.
struct Metric {
  std::string_view name;        // unique; also the METRIC of --limit
  unsigned stages;              // set of 1u << Stage
  std::string_view unit;        // "1" for a plain ratio
  std::string_view summary;     // how many values become one: "sum", "mean", "p99", "max", ...
  Worse worse;
  std::string_view derivation;  // formula, in words that a report can print
  Figure (*measure)(const Sample& sample);

  bool applies_to(Stage stage) const { return (stages >> static_cast<unsigned>(stage) & 1u) != 0; }
};

std::span<const Metric> metrics();
const Metric* find_metric(std::string_view name);  // null for an unknown name

struct NamedFigure {
  const Metric* metric = nullptr;
  Figure figure;
};
// Every metric that applies to the stage, in the table's order.
std::vector<NamedFigure> figures(Stage stage, const Sample& sample);

Totals joined(std::span<const Totals> parts);                         // in the order given
Totals layer_totals(const StageMeasurements& stage, int layer);       // over heads
Totals stage_totals(const StageMeasurements& stage);                  // over layers and heads

// Over all layers, heads and steps of one mode. No value, with its reason, where the stage was not measured.
Figure figure_of(const Metric& metric, const ModeMeasurements& measured, Stage stage);
// By step, the curve of a stage: square root of difference squared / reference squared. NaN: nothing measured.
std::vector<float> relative_l2_by_step(const StageMeasurements& stage);

}  // namespace kvdiff
