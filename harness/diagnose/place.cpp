#include "harness/diagnose/walk.h"

namespace kvdiff {

bool hurt_as_a_pair(const MinimalSet& set, const std::vector<PartScore>& scan) {
  constexpr double half = 0.5;
  return set.parts.size() == 2 && set.minimal && std::none_of(scan.begin(), scan.end(), [&](const PartScore& one) {
    return std::find(set.parts.begin(), set.parts.end(), one.part) != set.parts.end() && one.recovery.value_or(half) >= half;
  });
}

void find_place(Walk& walk) {
  Diagnosis& result = walk.result;
  result.scan = scan(walk.trials, walk.subject);
  result.sides = scan_sides(walk.trials, walk.subject);
  Parts ranking;
  for (const PartScore& one : result.scan) ranking.push_back(one.part);
  const bool scanned = std::all_of(result.scan.begin(), result.scan.end(), [](const PartScore& one) { return one.recovery && one.alone; });
  if (!scanned) walk.leave("the rest of the scan: each layer's keys and values, exempt alone and quantized alone");
  result.place.set = find_minimal_set(ranking, [&](const std::vector<Parts>& sets) { return recoveries(walk.trials, walk.subject, sets); });
  if (!result.place.set.complete) walk.leave("larger and smaller sets of layer sides");
  result.place.pair = hurt_as_a_pair(result.place.set, result.scan);
}

}  // namespace kvdiff
