#pragma once
#include <string>

#include "harness/run_report.h"

namespace kvdiff {

// How a candidate reads, as far as it was measured.
enum class Reading { same_text, parted, gibberish, not_finite, unknown };

// What the verdict's line counts. Lanes are counted by status, and those that were measured by how they read.
struct Headline {
  int candidates = 0;
  int measured = 0, passed = 0, failed = 0, inconclusive = 0, skipped = 0, invalid = 0, error = 0;
  int same_text = 0, parted = 0, gibberish = 0, not_finite = 0, unknown = 0;
  bool reference_is_gibberish = false;
  const LaneReport* first_failed = nullptr;    // points into the report
  const LaneReport* first_gibberish = nullptr;
  const LaneReport* best = nullptr;   // of those that keep the reference's text (and no limit fails): saves the most bytes
  const LaneReport* mildest = nullptr;  // where none keeps it: the lowest mean KLD
};

Reading reading_of(const LaneReport& lane);
bool is_gibberish(const LaneReport& lane);
double saving_of(const LaneReport& lane);  // share of the FP16 bytes; 0 where the cache held nothing
Headline headline_of(const RunReport& report);

}  // namespace kvdiff
