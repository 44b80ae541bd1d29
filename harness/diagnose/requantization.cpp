#include "harness/diagnose/walk.h"

namespace kvdiff {
namespace {

// Steps, not positions, that the window has read.
bool encodes_again_within(const LaneFlushes& lane, int64_t steps) {
  for (const FlushRecord& flush : lane.flushes)
    for (const FlushSide& side : flush.sides)
      if (side.most_times > 1 && flush.read_from < steps) return true;
  return false;
}

}  // namespace

void ask_requantization(Walk& walk) {
  FlushTimeline& timeline = walk.result.flushes;
  if (timeline.lanes.empty()) return;
  const LaneFlushes& candidate = timeline.lanes.front();
  if (!candidate.encodes_again) {
    timeline.cost.reason = "no token is encoded twice in this text: nothing can compound";
  } else if (!encodes_again_within(candidate, walk.trials.window().end())) {
    timeline.cost.reason = "no token has been encoded twice when the window ends";
  } else if (const auto answer = walk.trials.ask({{walk.subject.spec, {}, false, true}})[0]; answer) {
    timeline.cost.kld_one_shot = answer->kld;
    timeline.cost.recovery = 1 - answer->kld / walk.subject.kld;
  } else {
    timeline.cost.reason = "not asked: the budget was spent";
    walk.result.left_to_try.push_back("the cache with each history encoded from the values as given");
  }
}

}  // namespace kvdiff
