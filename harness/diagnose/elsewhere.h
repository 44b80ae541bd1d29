#pragma once
#include "harness/diagnose/diagnosis.h"
#include "harness/run/prepare.h"

namespace kvdiff {

// Is it the cache at all? Checks of everything that is not the cache (harness/checks), on the run that was made.

// The reference reads a natural text; where it goes wrong, it is asked further questions. Fills diagnosis.checks, and its
// warnings with those that failed.
void check_the_rest(const Case& run, const RunReport& base, Loaded& loaded, const RunPlace& place, Diagnosis& diagnosis);

// The reference goes wrong and a check failed: finding, headline and exit code are set. A failed check of the prompt or of
// positions accuses nothing else where the candidate goes wrong much earlier than the reference.
bool lies_elsewhere(Diagnosis& diagnosis);

// What stands in front of the headline where the reference goes wrong and no check says why; "" elsewhere.
std::string reference_too(const Diagnosis& diagnosis);

}  // namespace kvdiff
