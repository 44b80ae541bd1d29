#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "harness/diagnose/parts.h"

namespace kvdiff {

// Recoveries of sets of parts, in order; empty where the budget ran out.
using AskRecovery = std::function<std::vector<std::optional<double>>(const std::vector<Parts>&)>;

struct SetRule {
  double target = 0.8;        // what a set must recover
  double diffuse_share = 0.25;  // of all ranked parts: a larger set is no answer
};

// The first `count` of the ranking recover so much.
struct CurvePoint {
  int64_t count = 0;
  double recovery = 0;
};

struct MinimalSet {
  Parts parts;              // in the order of the ranking; empty: not found
  double recovery = 0;      // of these parts
  bool diffuse = false;     // it takes more than rule.diffuse_share
  bool minimal = false;     // each member was tried: without it the target is missed
  bool complete = false;    // the budget sufficed; else what is here is what was found so far
  std::vector<CurvePoint> curve;  // ascending, as far as asked
};

// Ranking: most suspect first. Counts 1, 2, 4, ... and all are asked at once, then those between the last that misses the
// target and the first that holds it (all of them where they are few, else by halves). Recovery need not grow with the
// count; what is returned was measured. Then members that are not needed go, the least missed first.
MinimalSet find_minimal_set(const Parts& ranking, const AskRecovery& ask, const SetRule& rule = {});

}  // namespace kvdiff
