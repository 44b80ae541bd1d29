#pragma once
#include "harness/metrics/divergence.h"
#include "harness/metrics/measurements.h"
#include "harness/run_report_lane.h"

namespace kvdiff {

// Measurements of one lane and mode -> what the report says of them. Figures come from the metrics' table.
LocalReport local_report(const ModeMeasurements& measured);

// `trained_steps`: steps whose positions the model was made for; later ones are reported apart.
ForcedReport forced_report(const ModeMeasurements& measured, const TokenText& text, int64_t trained_steps);

// "control, forced: key": stages that were not measured, with their reasons.
std::vector<NotMeasured> not_measured(const ModeMeasurements& measured);

std::optional<NotFiniteReport> not_finite(const ModeMeasurements& measured);

}  // namespace kvdiff
