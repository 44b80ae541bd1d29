#pragma once
#include <string>
#include <vector>

#include "scenarios/scenario.h"

namespace kvdiff {

struct LeftOut {
  std::string what, reason;
};

// What a scenario comes to: one case per prompt, each with every candidate, all decided and checked.
struct Plan {
  std::string name, summary;  // the scenario's
  std::vector<Case> cases;
  std::vector<LeftOut> left_out;  // combinations that no codec offers
  int64_t merged = 0;             // prompts and candidates that were there already, by meaning
};

// Throws UserError: usage without a prompt or with settings that contradict each other, nothing_to_do without a candidate.
Plan make_plan(const Scenario& scenario);

// The same with this candidate alone: what reproduces one lane.
Case lane_case(const Case& run, size_t candidate);

}  // namespace kvdiff
