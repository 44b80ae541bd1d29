#include "harness/verdict/headline.h"

#include <limits>

namespace kvdiff {
namespace {

void count_status(Headline& headline, LaneStatus status) {
  switch (status) {
    case LaneStatus::measured: ++headline.measured; break;
    case LaneStatus::passed: ++headline.passed; break;
    case LaneStatus::failed: ++headline.failed; break;
    case LaneStatus::inconclusive: ++headline.inconclusive; break;
    case LaneStatus::skipped: ++headline.skipped; break;
    case LaneStatus::invalid: ++headline.invalid; break;
    case LaneStatus::error: ++headline.error; break;
  }
}

void count_reading(Headline& headline, Reading reading) {
  switch (reading) {
    case Reading::same_text: ++headline.same_text; break;
    case Reading::parted: ++headline.parted; break;
    case Reading::gibberish: ++headline.gibberish; break;
    case Reading::not_finite: ++headline.not_finite; break;
    case Reading::unknown: ++headline.unknown; break;
  }
}

bool tells_something(const LaneReport& lane) {
  return lane.status == LaneStatus::measured || lane.status == LaneStatus::passed || lane.status == LaneStatus::failed;
}

double mean_kld(const LaneReport& lane) {
  const Figure* figure = lane.forced ? find_figure(lane.forced->summary, "kld_mean") : nullptr;
  return figure != nullptr && figure->value ? *figure->value : std::numeric_limits<double>::infinity();
}

void consider(Headline& headline, const LaneReport& lane) {
  const Reading reading = reading_of(lane);
  count_reading(headline, reading);
  if (reading == Reading::gibberish && headline.first_gibberish == nullptr) headline.first_gibberish = &lane;
  if (lane.status == LaneStatus::failed) return;
  if (reading == Reading::same_text && (headline.best == nullptr || saving_of(lane) > saving_of(*headline.best))) headline.best = &lane;
  if (reading == Reading::parted && (headline.mildest == nullptr || mean_kld(lane) < mean_kld(*headline.mildest))) headline.mildest = &lane;
}

}  // namespace

bool is_gibberish(const LaneReport& lane) { return lane.free && lane.free->gibberish && lane.free->gibberish->onset >= 0; }

Reading reading_of(const LaneReport& lane) {
  if (!lane.not_finite.empty()) return Reading::not_finite;
  if (!lane.free) return Reading::unknown;
  if (is_gibberish(lane)) return Reading::gibberish;
  return lane.free->first_divergence ? Reading::parted : Reading::same_text;
}

double saving_of(const LaneReport& lane) {
  if (lane.bytes.full_precision <= 0) return 0;
  return 1.0 - static_cast<double>(lane.bytes.total) / static_cast<double>(lane.bytes.full_precision);
}

Headline headline_of(const RunReport& report) {
  Headline headline;
  for (const LaneReport& lane : report.lanes) {
    if (lane.role == LaneRole::reference) headline.reference_is_gibberish = is_gibberish(lane);
    if (lane.role != LaneRole::candidate) continue;
    ++headline.candidates;
    count_status(headline, lane.status);
    if (lane.status == LaneStatus::failed && headline.first_failed == nullptr) headline.first_failed = &lane;
    if (tells_something(lane)) consider(headline, lane);
  }
  return headline;
}

}  // namespace kvdiff
