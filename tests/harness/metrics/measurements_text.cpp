#include "tests/harness/metrics/measurements_text.h"

#include <cmath>
#include <fmt/format.h>

namespace kvdiff::test {
namespace {

std::string bits(double value) { return std::isnan(value) ? "nan" : fmt::format("{:a}", value); }

template <class... Values>
std::string doubles(Values... values) {
  std::string text;
  for (const double value : {static_cast<double>(values)...}) text += " " + bits(value);
  return text;
}

std::string text(const Place& p) { return fmt::format(" ({} {} {} {})", p.step, p.layer, p.head, p.index); }

std::string text(const Totals& t) {
  return fmt::format("\n  {} {} {} {} {}{}", t.compared, t.not_finite_reference, t.not_finite_candidate, t.sign_flips,
                     t.attention_rows, text(t.max_abs_place)) +
         doubles(t.reference_squared, t.candidate_squared, t.product, t.difference_squared, t.absolute_difference, t.max_abs,
                 t.attention_kl, t.mass_moved, t.largest_mass_moved, t.sink_reference, t.sink_candidate, t.sink_moved);
}

std::string text(const StepTotals& t) {
  return fmt::format("\n  {} {}", t.compared, t.attention_rows) +
         doubles(t.reference_squared, t.difference_squared, t.attention_sum, t.max_abs);
}

std::string text(const VocabularyStep& s) {
  return fmt::format("\n  {} {} {} {} {} {} {} {}", s.step, s.finite, s.reference_token, s.candidate_token, s.flip,
                     static_cast<int>(s.near_tie), s.candidate_rank, s.followed_token) +
         doubles(s.kld, s.reference_margin, s.candidate_margin, s.flip_gap, s.reference_logprob, s.candidate_logprob);
}

std::string text(const std::optional<NotFinite>& n) {
  if (!n) return "\n none";
  return fmt::format("\n {} {} {} {} {} {}{}", n->lane, static_cast<int>(n->mode), static_cast<int>(n->stage), n->in_reference,
                     n->in_candidate, n->value, text(n->place));
}

std::string text(const StageMeasurements& s) {
  std::string out = fmt::format("\nstage {} {} '{}' {} x {}", static_cast<int>(s.stage), s.measured, s.reason, s.layers, s.heads);
  for (const Totals& one : s.totals) out += text(one);
  for (const StepTotals& one : s.by_step) out += text(one);
  return out;
}

std::string text(const ModeMeasurements& m) {
  std::string out = fmt::format("\nmode {} {} {}", static_cast<int>(m.mode), m.steps, m.not_finite);
  out += text(m.first_not_finite) + text(m.first_not_finite_reference);
  for (const StageMeasurements& one : m.stages) out += text(one);
  for (const VocabularyStep& one : m.vocabulary) out += text(one);
  for (const HeatMap& map : m.heat_maps) {
    out += fmt::format("\nmap {} {} {}", static_cast<int>(map.stage), map.layers, map.steps);
    for (const float one : map.relative_l2) out += doubles(one);
  }
  for (const HistoryError& h : m.histories)
    out += fmt::format("\nhistory {} {} {} {}", static_cast<int>(h.stage), h.step, h.layer, h.columns) + doubles(h.relative_l2, h.max_abs);
  return out;
}

}  // namespace

std::string text_of(const LaneMeasurements& lane) {
  std::string out = fmt::format("lane {}", lane.lane);
  for (const ModeMeasurements& mode : lane.modes) out += text(mode);
  return out;
}

}  // namespace kvdiff::test
