#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/run_report.h"

namespace kvdiff {

// A digest (build, model, tokenizer, prompt, config) that is not the same in both. Empty: the report does not say.
struct DigestDifference {
  std::string what, before, after;
};

enum class Trend { better, worse, changed };
std::string_view name_of(Trend trend);

struct FigureChange {
  std::string metric;     // a name that limits know (harness/verdict/limits.h)
  Figure before, after;   // +infinity: a step that never comes
  Trend trend = Trend::changed;
};

struct LaneComparison {
  std::string name, canonical;
  LaneRole role = LaneRole::candidate;
  bool in_before = false, in_after = false;
  LaneStatus status_before = LaneStatus::measured, status_after = LaneStatus::measured;
  std::vector<FigureChange> figures;         // those that changed
  std::optional<int64_t> first_token_change;  // first step at which the two runs' free tokens differ
  bool same_bits = false;                    // digests of K, V and logits are known and equal
  bool changed() const;
};

struct Comparison {
  std::vector<DigestDifference> differences;  // not empty: what follows compares two different things
  std::vector<LaneComparison> lanes;          // in the order of `before`, then those that only `after` has
  int64_t changed = 0, better = 0, worse = 0, only_before = 0, only_after = 0;  // lanes; better: some figure is, none is worse
};

// Lane by lane, matched by canonical spec and role (the n-th of equals with the n-th). Refuses reports whose digests are
// not all known and the same, UserError(usage) that names each difference, unless `anyway`.
Comparison compare_reports(const RunReport& before, const RunReport& after, bool anyway);

}  // namespace kvdiff
