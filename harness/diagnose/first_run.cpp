#include "harness/diagnose/first_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace kvdiff {
namespace {

void describe_lane(const LaneReport& lane, Diagnosis& diagnosis) {
  DiagnosedLane one{lane.name, lane.canonical, lane.free ? lane.free->text : "", {}, {}, "", -1, 0, lane.bytes};
  if (lane.free && lane.free->first_divergence && lane.role == LaneRole::candidate) one.parts_at = lane.free->first_divergence->step;
  if (lane.free && lane.free->gibberish) {
    one.gibberish = lane.free->gibberish->kind;
    one.gibberish_onset = lane.free->gibberish->onset;
  }
  if (lane.forced) {
    one.onset = lane.forced->onset.step;
    const Figure* mean = find_figure(lane.forced->summary, "kld_mean");
    one.kld_mean = mean && mean->value ? *mean->value : 0;
  }
  diagnosis.lanes.push_back(std::move(one));
}

}  // namespace

void describe_run(const RunReport& base, Diagnosis& diagnosis) {
  diagnosis.kvdiff_version = base.environment.kvdiff_version;
  diagnosis.digests = base.digests;
  diagnosis.model = base.model;
  diagnosis.prompt = base.prompt;
  diagnosis.warnings = base.warnings;
  diagnosis.layers = base.model.layers;
  for (const LaneReport& lane : base.lanes)
    if (lane.role != LaneRole::control) describe_lane(lane, diagnosis);
}

int64_t flushes_read(const LaneReport& lane, int64_t step) {
  std::set<int64_t> steps;
  for (const FlushError& flush : lane.forced->flushes)
    if (flush.step <= step) steps.insert(flush.step);
  return static_cast<int64_t>(steps.size()) - 1;
}

std::optional<int64_t> first_sign(const LaneReport& lane) {
  std::optional<int64_t> first = lane.forced->onset.step;
  if (lane.free->first_divergence && (!first || lane.free->first_divergence->step < *first)) first = lane.free->first_divergence->step;
  for (const NotFiniteReport& found : lane.not_finite)
    if (found.in_candidate && (!first || found.place.step < *first)) first = found.place.step;
  return first;
}

std::string largest_difference(const LaneReport& lane) {
  const std::vector<double>& kld = lane.forced->kld;
  if (kld.empty()) return "nothing was measured";
  const auto largest = std::max_element(kld.begin(), kld.end());
  if (*largest == 0) return "not one bit of the logits differs";
  return fmt::format("the largest difference found is a KLD of {:.3g} nats at token {}", *largest, largest - kld.begin());
}

}  // namespace kvdiff
