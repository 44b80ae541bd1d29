#include "harness/diagnose/walk.h"

namespace kvdiff {
namespace {

bool recovers_half_alone(const Walk& walk) {
  return std::any_of(walk.result.scan.begin(), walk.result.scan.end(), [&](const PartScore& one) {
    return walk.accuses(one.part.layer, one.part.side) && one.recovery.value_or(0) >= 0.5;
  });
}

}  // namespace

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
  result.place.pair = walk.accused().size() == 2 && !recovers_half_alone(walk);
}

}  // namespace kvdiff
