#include "harness/diagnose/restored.h"

#include "harness/diagnose/walk.h"

namespace kvdiff {
namespace {

constexpr size_t most_members = 4;

// Of a diffuse error the list is no answer: the strongest, and the largest set that was asked within a quarter of all.
std::vector<Parts> sets_of(const Walk& walk) {
  const MinimalSet& set = walk.result.place.set;
  std::vector<Parts> sets;
  if (!set.diffuse) {
    sets.push_back(set.parts);
    for (size_t i = 0; i < set.parts.size() && set.parts.size() > 1 && i < most_members; ++i) sets.push_back({set.parts[i]});
    return sets;
  }
  Parts ranking;
  for (const PartScore& one : walk.result.scan)
    if (walk.result.arithmetic.names(one.part)) ranking.push_back(one.part);
  int64_t most = 1;
  for (const CurvePoint& point : set.curve)
    if (static_cast<double>(point.count) <= SetRule{}.diffuse_share * static_cast<double>(ranking.size())) most = point.count;
  if (!ranking.empty()) sets.push_back({ranking.front()});
  if (most > 1) sets.push_back({ranking.begin(), ranking.begin() + most});
  return sets;
}

}  // namespace

void find_restored(Walk& walk) {
  const std::vector<Parts> sets = sets_of(walk);
  const auto source = source_of(walk.material);
  std::vector<Trial> asked;
  for (const Parts& parts : sets) {
    asked.push_back({walk.subject.spec, patch_of(PatchKind::restore, parts)});
    asked.back().patch.source = source;
  }
  const auto answers = walk.trials.ask(asked);
  bool all = true;
  for (size_t i = 0; i < sets.size(); ++i) {
    const auto exempt = walk.trials.known(exempt_trial(walk.subject, sets[i]));
    walk.result.restored.scores.push_back({sets[i], walk.recovered(exempt), walk.recovered(answers[i])});
    all = all && answers[i];
  }
  if (!all) walk.result.left_to_try.push_back("the reference's own keys and values put into the accused sides");
}

}  // namespace kvdiff
