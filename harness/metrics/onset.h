#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "harness/metrics/measurements.h"

namespace kvdiff {

// The onset of divergence: the first step from which the trailing mean of KLD is above the threshold and stays above, to
// the end. The mean is taken over the last `window` steps (at the start over as many as there are). It has to stay above
// for a full window, so that one bad step near the end is not called an onset; a run shorter than the window has none.
// A step whose logits are not finite counts as above, and enters no mean.
//
// 0.1 nats: an 8-bit cache stays about a hundred times below it, a sound 4-bit cache several times; text that has begun
// to fall apart is several times above it. A choice, not a law: the threshold stands in the report beside the onset.
struct OnsetRule {
  double threshold = 0.1;  // nats
  int window = 8;          // steps
};
std::optional<int64_t> divergence_onset(std::span<const VocabularyStep> vocabulary, const OnsetRule& rule = {});

}  // namespace kvdiff
