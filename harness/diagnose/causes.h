#pragma once
#include "harness/diagnose/diagnosis.h"

namespace kvdiff {

// What is known when the cause is asked for: all trials are done, or the budget is spent.
struct CauseFacts {
  const Diagnosis& diagnosis;
  std::optional<double> accused_at_8_bits;  // recovery with the accused sides at 8 bits, in their own layout
  CacheSpec spec;           // the candidate
  CacheShape shape;
  double target = 0.8;  // what a change to the accused must recover: the rule's share of what exempting them recovers
};

// The first row of the table whose evidence holds, and the names of the others that hold; "unknown" otherwise. A row needs a trial that was run: what changed one
// thing, and healed.
CauseFinding find_cause(const CauseFacts& facts);

}  // namespace kvdiff
