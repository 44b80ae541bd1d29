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
};

LaneReport lane_report(const LaneContext& context, LaneId lane, const LaneMeasurements& measured);

}  // namespace kvdiff
