#include "harness/metrics/registry.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "harness/metrics/distribution.h"
#include "harness/metrics/table/rows.h"

namespace kvdiff {

namespace {

constexpr unsigned set(Stage stage) { return 1u << static_cast<unsigned>(stage); }
constexpr unsigned all_stages = (1u << stage_count) - 1;
constexpr unsigned scores = set(Stage::attention_logits), probs = set(Stage::attention_probs), logits = set(Stage::logits);
using enum Worse;

// clang-format off
constexpr Metric table[] = {
    {"relative_l2", all_stages, "1", "all elements", larger, "sqrt(sum (r - c)^2 / sum r^2)", metric::relative_l2},
    {"sqnr", all_stages, "dB", "all elements", smaller, "10 log10(sum r^2 / sum (r - c)^2)", metric::sqnr},
    {"max_abs", all_stages, "same as the stage", "max", larger, "max |r - c|, with its first place", metric::max_abs},
    {"cosine", all_stages, "1", "all elements", smaller, "sum r c / sqrt(sum r^2 x sum c^2)", metric::cosine},
    {"sign_flips", all_stages, "elements", "sum", larger, "elements with r c < 0", metric::sign_flips},
    {"sign_flip_share", all_stages, "1", "mean", larger, "elements with r c < 0, of all that are finite", metric::sign_flip_share},
    {"not_finite", all_stages, "elements", "sum", larger, "NaN and infinities of the candidate; in no other metric", metric::not_finite},

    {"attention_logit_mean_abs", scores, "1", "mean", larger, "mean |r - c| of the scaled scores", metric::attention_logit_mean_abs},
    {"attention_logit_rms", scores, "1", "root mean square", larger, "sqrt(mean (r - c)^2) of the scaled scores", metric::attention_logit_rms},
    {"attention_logit_max", scores, "1", "max", larger, "max |r - c| of the scaled scores", metric::attention_logit_max},
    {"attention_kl", scores, "nats", "mean over heads and steps", larger, "KL(softmax r || softmax c) of each head's scores, in double", metric::attention_kl},
    {"attention_mass_moved", probs, "1", "mean over heads and steps", larger, "total variation: sum |r - c| / 2 of each head's probabilities", metric::attention_mass_moved},
    {"attention_mass_moved_max", probs, "1", "max over heads and steps", larger, "the largest of these total variations", metric::attention_mass_moved_max},
    {"sink_mass_reference", probs, "1", "mean over heads and steps", neither, "r of the first token's probability", metric::sink_mass_reference},
    {"sink_mass_moved", probs, "1", "mean over heads and steps", larger, "|r - c| of the first token's probability", metric::sink_mass_moved},
    {"sink_mass_change", probs, "1", "mean over heads and steps", neither, "c - r of the first token's probability", metric::sink_mass_change},

    {"kld_mean", logits, "nats", "mean", larger, "KL(reference || candidate) over the whole vocabulary, by step", metric::kld_mean},
    {"kld_median", logits, "nats", "median", larger, "value number ceil(n / 2) of the steps' KLD", metric::kld_median},
    {"kld_p90", logits, "nats", "p90", larger, "value number ceil(0.9 n) of the steps' KLD", metric::kld_p90},
    {"kld_p99", logits, "nats", "p99", larger, "value number ceil(0.99 n) of the steps' KLD", metric::kld_p99},
    {"kld_p99.9", logits, "nats", "p99.9", larger, "value number ceil(0.999 n) of the steps' KLD", metric::kld_p99_9},
    {"kld_max", logits, "nats", "max", larger, "largest of the steps' KLD", metric::kld_max},
    {"flips", logits, "steps", "sum", larger, "steps with another largest logit; the lowest id wins ties", metric::flips},
    {"flip_share", logits, "1", "mean", larger, "flips, of all steps that are finite", metric::flip_share},
    {"near_tie_flips", logits, "steps", "sum", neither, "flips where the reference margin <= 2 x arithmetic floor", metric::near_tie_flips},
    {"real_flips", logits, "steps", "sum", larger, "flips that are no near-ties", metric::real_flips},
    {"largest_flip_margin", logits, "logits", "max", larger, "reference margin (largest minus second) of the flipped steps", metric::largest_flip_margin},
    {"largest_flip_gap", logits, "logits", "max", larger, "reference logit of its token minus that of the candidate's", metric::largest_flip_gap},
    {"candidate_rank_mean", logits, "1", "mean", larger, "0-based rank of the candidate's token in the reference", metric::candidate_rank_mean},
    {"candidate_rank_max", logits, "1", "max", larger, "0-based rank of the candidate's token in the reference", metric::candidate_rank_max},
    {"perplexity", logits, "1", "mean", larger, "exp(-mean log p) of the followed text, under the candidate", metric::perplexity},
    {"reference_perplexity", logits, "1", "mean", neither, "exp(-mean log p) of the followed text, under the reference", metric::reference_perplexity},
    {"perplexity_ratio", logits, "1", "mean", larger, "perplexity / reference perplexity", metric::perplexity_ratio},
    {"onset", logits, "step", "first", smaller, "first step from which the mean KLD of 8 steps exceeds 0.1 nats and stays above", metric::onset},
};
// clang-format on

}  // namespace

std::span<const Metric> metrics() { return table; }

const Metric* find_metric(std::string_view name) {
  const auto row = std::find_if(std::begin(table), std::end(table), [&](const Metric& one) { return one.name == name; });
  return row == std::end(table) ? nullptr : row;
}

std::vector<NamedFigure> figures(Stage stage, const Sample& sample) {
  std::vector<NamedFigure> found;
  for (const Metric& metric : table)
    if (metric.applies_to(stage)) found.push_back({&metric, metric.measure(sample)});
  return found;
}

Figure figure_of(const Metric& metric, const ModeMeasurements& measured, Stage stage) {
  const StageMeasurements& one = measured.at(stage);
  if (!one.measured) return no_value("not measured: " + one.reason);
  if (!metric.applies_to(stage)) return no_value("not defined for " + std::string(name_of(stage)));
  const Totals totals = stage_totals(one);
  return metric.measure({totals, measured.vocabulary});
}

std::vector<float> relative_l2_by_step(const StageMeasurements& stage) {
  std::vector<float> curve;
  for (const StepTotals& step : stage.by_step) {
    const bool measured = step.compared > 0 && (step.reference_squared > 0 || step.difference_squared == 0);
    if (!measured) {
      curve.push_back(std::numeric_limits<float>::quiet_NaN());
      continue;
    }
    curve.push_back(step.difference_squared == 0
                        ? 0.0f
                        : static_cast<float>(std::sqrt(step.difference_squared / step.reference_squared)));
  }
  return curve;
}

}  // namespace kvdiff
