#pragma once
#include <array>
#include <vector>

#include "tests/harness/text_findings/corpus.h"

namespace kvdiff::test {

// Which states (harness/text_findings/labelling.h) each token may be in, for a reader's labels of the text alone: sound up to
// the first stretch; then salad, or stuck where it is a loop, repetition or one token; from any other kind on, whatever. A
// stretch may begin two tokens sooner or later, salad may turn into anything after 24 tokens (readers name where a stretch
// begins, not where it ends), and text that was stuck may get out in its last 16.
std::vector<std::array<bool, 3>> gold_states(const LabelledText& text);

}  // namespace kvdiff::test
