#pragma once
#include <optional>
#include <vector>

#include "harness/diagnose/parts.h"

namespace kvdiff {

struct Walk;

// One set of whole sides, read without quantization (exempt) and read as the reference wrote it (restored): shares of the
// candidate's KLD. What restoring recovers beyond exempting is error that arrived there and only passes through.
struct RestoredScore {
  Parts parts;
  std::optional<double> exempt, restored;  // none: not asked
  std::optional<double> arrived() const {
    return exempt && restored ? std::optional(*restored - *exempt) : std::nullopt;
  }
};

struct RestoredFinding {
  std::vector<RestoredScore> scores;  // the named set, then its members; diffuse: the first of the ranking, and the first so many
};

// Asks at most five trials.
void find_restored(Walk& walk);

}  // namespace kvdiff
