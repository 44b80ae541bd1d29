#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cache_backends/error.h"
#include "harness/run_report.h"

namespace kvdiff {

struct LaneVerdict {
  LaneStatus status = LaneStatus::measured;
  std::string reason;  // empty where the status speaks for itself
  std::optional<LimitBreach> breach;
};

struct Verdict {
  std::vector<LaneVerdict> lanes;  // of report.lanes, in order
  ExitCode exit_code = ExitCode::passed;
};

// Judges what was measured; never measures, never prints. What the engine decided stays: lanes that it left with the
// status error (LaneReport::exit_code says which) or skipped. Rules, most urgent first:
// - not finite in the reference: rejected input (3); the other lanes have nothing to be compared with
// - the control, or the recomputation without a cache, differs: invalid (8), and so is all that was measured beside it
// - a receipt that is missing or impossible (receipt_check.h): invalid
// - a limit that does not hold: failed. A limit that was measured in no candidate at all matched nothing: failed, too.
//   Values that are not finite are in no mean, so they break each limit of their mode.
// - a limit that this lane alone did not measure, or that holds in a run that was interrupted: inconclusive
// - no candidate was measured: nothing to do (5)
Verdict judge(const RunReport& report, std::span<const LimitReport> limits);

// The report with the verdict's statuses, the limits and the exit code in it. Throws UserError(usage) for unknown limits.
RunReport judged(RunReport report, const std::vector<LimitReport>& limits);

}  // namespace kvdiff
