#pragma once
#include <string>
#include <vector>

#include "tests/harness/text_findings/corpus_score.h"

namespace kvdiff::test {

// The weights of word salad (harness/text_findings/salad_features.h), fitted: a logistic regression, with a weak ridge, of
// windows of 32 tokens. Salad: those that begin within 8 tokens of a label's onset. Sound: those of texts of which `none`
// is to be said, and those before the onset of salad. Every text counts the same.
GibberishRules fitted(const std::vector<const LabelledText*>& texts);

// Five-fold, over prompts: what each fifth is judged to be by rules that were made without it. Made: the weights fitted, and
// of salad_score and news_cost those that are right most often on the rest.
std::vector<Judged> cross_validated(const std::vector<LabelledText>& corpus);

// The same, leaving out a whole set: the sets differ in who wrote, chose and labelled their texts. (`tuning` and `held_out`
// are one set, of the same prompts.)
std::vector<Judged> leave_set_out(const std::vector<LabelledText>& corpus);

}  // namespace kvdiff::test
