#pragma once
#include <cstdint>
#include <vector>

#include "harness/text_findings/labelling_features.h"
#include "harness/text_findings/labelling_weights.h"

// Labels every token of a scored text as sound, salad or stuck: the likeliest sequence of states by a linear-chain conditional
// random field (Lafferty, McCallum and Pereira, 2001). The log-odds of a sequence are the sum of what the features of each token
// say for its state, and of what those of each place where a state begins say for the beginning. So stretches compete: salad
// that is said again may be salad or stuck, whichever explains more of the text around it.
namespace kvdiff {

enum class TextState { sound, salad, stuck };

struct LabelledStretch {
  TextState state = TextState::sound;
  int64_t first = 0, end = 0;
  int64_t tokens() const { return end - first; }
};

// The stretches that are not sound, in their order. O(tokens x features). Throws InternalError if weights and features differ
// in number.
std::vector<LabelledStretch> labelled_stretches(const LabellingFeatures& features, const LabellingWeights& weights);

}  // namespace kvdiff
