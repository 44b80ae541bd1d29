#pragma once
#include "harness/run/prepare.h"

namespace kvdiff {

struct LaneContext {
  const Case& run;
  const Prepared& ready;
  const LockstepInput& input;
  const LockstepResult& result;
  const Model& model;
  const std::vector<double>& floor;  // by step; empty: not measured
  const std::vector<std::vector<double>>& nll;  // of each lane's free text by the reference (text_scores.h)
};

LaneReport lane_report(const LaneContext& context, LaneId lane, const LaneMeasurements& measured);

}  // namespace kvdiff
