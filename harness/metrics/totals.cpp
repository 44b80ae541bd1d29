#include "harness/metrics/totals.h"

#include <algorithm>
#include <cmath>

#include "harness/metrics/registry.h"

namespace kvdiff {

namespace {

void add_pairs(const RowResult& row, Totals& totals) {
  totals.compared += row.compared;
  totals.not_finite_reference += row.not_finite_reference;
  totals.not_finite_candidate += row.not_finite_candidate;
  totals.sign_flips += static_cast<int64_t>(row.sums.sign_flips);
  totals.reference_squared += row.sums.reference_squared;
  totals.candidate_squared += row.sums.candidate_squared;
  totals.product += row.sums.product;
  totals.difference_squared += row.sums.difference_squared;
  totals.absolute_difference += row.sums.absolute_difference;
}

void keep_max(const RowInPlace& at, Totals& totals) {
  if (!(at.row.sums.max_abs > totals.max_abs)) return;
  totals.max_abs = at.row.sums.max_abs;
  totals.max_abs_place = at.place;
  totals.max_abs_place.index = at.source.index_of_max_abs(at.place.head, at.row.sums.max_abs);
}

double add_probabilities(const RowInPlace& at, Totals& totals) {
  const double moved = 0.5 * at.row.sums.absolute_difference;
  const RowSource::Values first = at.source.at(at.place.head, 0);
  const double reference = first.reference, candidate = first.candidate;
  totals.mass_moved += moved;
  totals.largest_mass_moved = std::max(totals.largest_mass_moved, moved);
  totals.sink_reference += reference;
  totals.sink_candidate += candidate;
  totals.sink_moved += std::fabs(reference - candidate);
  return moved;
}

void add(const Totals& part, Totals& sum) {
  sum.compared += part.compared;
  sum.not_finite_reference += part.not_finite_reference;
  sum.not_finite_candidate += part.not_finite_candidate;
  sum.sign_flips += part.sign_flips;
  sum.reference_squared += part.reference_squared;
  sum.candidate_squared += part.candidate_squared;
  sum.product += part.product;
  sum.difference_squared += part.difference_squared;
  sum.absolute_difference += part.absolute_difference;
  sum.attention_rows += part.attention_rows;
  sum.attention_kl += part.attention_kl;
  sum.mass_moved += part.mass_moved;
  sum.largest_mass_moved = std::max(sum.largest_mass_moved, part.largest_mass_moved);
  sum.sink_reference += part.sink_reference;
  sum.sink_candidate += part.sink_candidate;
  sum.sink_moved += part.sink_moved;
  if (!(part.max_abs > sum.max_abs)) return;
  sum.max_abs = part.max_abs;
  sum.max_abs_place = part.max_abs_place;
}

}  // namespace

bool counts_as_attention_row(const RowInPlace& at) {
  const bool attention = at.stage == Stage::attention_logits || at.stage == Stage::attention_probs;
  return attention && at.row.finite() && at.columns > 0;
}

double add_row(const RowInPlace& at, Totals& totals) {
  add_pairs(at.row, totals);
  keep_max(at, totals);
  if (!counts_as_attention_row(at)) return 0;
  ++totals.attention_rows;
  if (at.stage == Stage::attention_probs) return add_probabilities(at, totals);
  const double kl = at.source.attention_kl(at.place.head);
  totals.attention_kl += kl;
  return kl;
}

Totals joined(std::span<const Totals> parts) {
  Totals sum;
  for (const Totals& part : parts) add(part, sum);
  return sum;
}

Totals layer_totals(const StageMeasurements& stage, int layer) {
  const auto heads = static_cast<size_t>(stage.heads);
  return joined(std::span(stage.totals).subspan(static_cast<size_t>(layer) * heads, heads));
}

Totals stage_totals(const StageMeasurements& stage) { return joined(stage.totals); }

}  // namespace kvdiff
