#pragma once
#include "tests/harness/text_findings/corpus.h"

namespace kvdiff::test {

// The weights of word salad (harness/text_findings/salad_features.h), fitted, in hundredths: a logistic regression, with a weak
// ridge, of windows of 32 tokens. Salad: those that begin within 8 tokens of a label's onset. Sound: those of texts of which
// `none` is to be said, and those before the onset of salad. Every text counts the same.
void fit_salad(GibberishRules& rules, const std::vector<const LabelledText*>& texts);

}  // namespace kvdiff::test
