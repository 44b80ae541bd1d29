#pragma once
#include <memory>
#include <string>

#include "harness/diagnose/diagnosis.h"
#include "tests/scorecard/cases.h"

namespace kvdiff::scorecard {

// What came of one case.
struct Outcome {
  bool answered = false;   // the diagnosis came to an end
  std::string error;       // else: why not
  Diagnosis diagnosis;
  bool visible = true;     // planted: did any bit differ that attention read? (watched by the scorecard itself)
  double seconds = 0;
};

// Runs the whole of `diagnose` on a cache with the case's fault in it. `threads` of the engine.
Outcome diagnose_case(const Planted& one, int threads);

}  // namespace kvdiff::scorecard
