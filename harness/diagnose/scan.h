#pragma once
#include "harness/diagnose/diagnosis.h"
#include "harness/diagnose/trials.h"

namespace kvdiff {

// The candidate, and what a recovery is a share of.
struct Subject {
  CacheSpec spec;
  int64_t layers = 0;
  double kld = 0;  // of the candidate over the window, above 0
};

// The trials of a set of parts. Whole sides are exempted in the spec, heads by a patch.
Trial exempt_trial(const Subject& subject, const Parts& parts);  // these exempt, all others as they are
Trial alone_trial(const Subject& subject, const Parts& whole_sides);  // these quantized, all others exempt

// Every part exempt alone, and every part quantized alone, ranked by the sum of recovery and alone, most suspect first
// (ties: keys before values, lower layers first). A part that was not asked stands behind those that were.
std::vector<PartScore> scan(Trials& trials, const Subject& subject);

// All keys and all values. Empty where the candidate quantizes one side only.
std::vector<SideScore> scan_sides(Trials& trials, const Subject& subject);

// Recoveries of sets of parts: whole sides are exempted in the spec, heads by a patch.
std::vector<std::optional<double>> recoveries(Trials& trials, const Subject& subject, const std::vector<Parts>& sets);

// The ranking of heads of a set: each exempt alone, beside nothing else; most recovered first.
Parts ranked_heads(Trials& trials, const Subject& subject, const Parts& heads);

}  // namespace kvdiff
