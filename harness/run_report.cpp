#include "harness/run_report.h"

namespace kvdiff {

std::string_view name_of(LaneRole role) {
  switch (role) {
    case LaneRole::reference: return "reference";
    case LaneRole::control: return "control";
    case LaneRole::candidate: return "candidate";
  }
  return "";
}

std::string_view name_of(LaneStatus status) {
  switch (status) {
    case LaneStatus::measured: return "measured";
    case LaneStatus::passed: return "passed";
    case LaneStatus::failed: return "failed";
    case LaneStatus::inconclusive: return "inconclusive";
    case LaneStatus::skipped: return "skipped";
    case LaneStatus::invalid: return "invalid";
    case LaneStatus::error: return "error";
  }
  return "";
}

const LaneReport* lane_with_role(const RunReport& report, LaneRole role) {
  for (const LaneReport& lane : report.lanes) {
    if (lane.role == role) return &lane;
  }
  return nullptr;
}

std::vector<const LaneReport*> candidates(const RunReport& report) {
  std::vector<const LaneReport*> found;
  for (const LaneReport& lane : report.lanes) {
    if (lane.role == LaneRole::candidate) found.push_back(&lane);
  }
  return found;
}

const Figure* find_figure(const std::vector<MetricValue>& values, std::string_view metric) {
  for (const MetricValue& value : values) {
    if (value.metric == metric) return &value.figure;
  }
  return nullptr;
}

}  // namespace kvdiff
