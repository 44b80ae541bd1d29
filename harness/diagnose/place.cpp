#include "harness/diagnose/walk.h"

namespace kvdiff {

bool hurt_as_a_pair(const MinimalSet& set, const std::vector<PartScore>& scan) {
  constexpr double half = 0.5;
  return set.parts.size() == 2 && set.minimal && std::none_of(scan.begin(), scan.end(), [&](const PartScore& one) {
    return std::find(set.parts.begin(), set.parts.end(), one.part) != set.parts.end() && one.recovery.value_or(half) >= half;
  });
}

namespace {

// Diffuse is a share of all sides, also where some were left out of the ranking.
SetRule rule_for(size_t ranked, size_t all) {
  SetRule rule;
  if (ranked > 0) rule.diffuse_share *= static_cast<double>(all) / static_cast<double>(ranked);
  return rule;
}

}  // namespace

void find_place(Walk& walk) {
  Diagnosis& result = walk.result;
  result.scan = scan(walk.trials, walk.subject);
  result.sides = scan_sides(walk.trials, walk.subject);
  judge_parts(walk);
  Parts ranking, all;
  for (const PartScore& one : result.scan) {
    all.push_back(one.part);
    if (result.arithmetic.names(one.part)) ranking.push_back(one.part);
  }
  const bool scanned = std::all_of(result.scan.begin(), result.scan.end(), [](const PartScore& one) { return one.recovery && one.alone; });
  if (!scanned) walk.leave("the rest of the scan: each layer's keys and values, exempt alone and quantized alone");
  const AskRecovery ask = [&](const std::vector<Parts>& sets) { return recoveries(walk.trials, walk.subject, sets); };
  result.place.set = find_minimal_set(ranking, ask, rule_for(ranking.size(), all.size()));
  const bool missed = ranking.empty() || (result.place.set.complete && result.place.set.parts.empty());
  if (missed && ranking.size() < all.size()) {  // those that stand out of the floor alone do not suffice: no single one is to blame
    result.place.set = find_minimal_set(all, ask);
    result.place.set.diffuse = true;
    result.place.set.minimal = false;
  }
  if (!result.place.set.complete) walk.leave("larger and smaller sets of layer sides");
  result.place.pair = hurt_as_a_pair(result.place.set, result.scan);
}

}  // namespace kvdiff
