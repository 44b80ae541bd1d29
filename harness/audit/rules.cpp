#include <cmath>

#include "harness/audit/evidence.h"

namespace kvdiff {
namespace {

// The narrower first: a later rule must explain more, not as much, or everything to the last bit.
constexpr Rule rules[] = {rule_length,    rule_not_finite,      rule_lost_rows, rule_elsewhere, rule_other_spec, rule_not_encoded,
                          rule_codes,     rule_permuted,        rule_turned,    rule_one_group, rule_scale_elsewhere, rule_factor,
                          rule_factors,   rule_offset,          rule_saturated, rule_rounded};
constexpr double margin = 0.005;

}  // namespace

std::span<const Rule> audit_rules() { return rules; }

int64_t Evidence::changed_rows() const {
  int64_t count = 0;
  each_changed([&](int64_t, int64_t) { ++count; });
  return count;
}

bool Evidence::encoded(int64_t head, int64_t token) const {
  const size_t first = at(head, token);
  for (size_t c = first; c < first + static_cast<size_t>(size()); ++c)
    if (sound[c] != given[c]) return true;
  return false;
}

double explained(const Evidence& evidence, const std::vector<float>& predicted) {
  double left = 0, all = 0;
  evidence.each_changed([&](int64_t head, int64_t token) {
    const size_t first = evidence.at(head, token);
    for (size_t c = first; c < first + static_cast<size_t>(evidence.size()); ++c) {
      const double rest = static_cast<double>(evidence.found[c]) - predicted[c];
      const double difference = static_cast<double>(evidence.found[c]) - evidence.sound[c];
      left += rest * rest;
      all += difference * difference;
    }
  });
  const double share = all > 0 ? 1 - left / all : 0;
  return std::isfinite(share) ? share : 0;
}

Guess best_guess(const Evidence& evidence) {
  Guess best{cause::unknown, "it is none of the faults that are known here", 0};
  for (const Rule rule : audit_rules()) {
    std::optional<Guess> guess = rule(evidence);
    if (!guess || guess->explained < worth) continue;
    const bool exact = guess->explained == 1 && best.explained < 1;
    if (exact || guess->explained > best.explained + margin) best = std::move(*guess);
  }
  return best;
}

}  // namespace kvdiff
