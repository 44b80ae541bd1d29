#pragma once
#include <vector>

#include "tests/harness/text_findings/corpus_score.h"

namespace kvdiff::test {

// All weights, of both stages, fitted to the texts: salad_fit.h, then labelling_fit.h on it.
GibberishRules fitted(const std::vector<const LabelledText*>& texts);

// Five-fold, over prompts: what each fifth is judged to be by weights that were fitted without it.
std::vector<Judged> cross_validated(const std::vector<LabelledText>& corpus);

// The same, leaving out a whole set: the sets differ in who wrote, chose and labelled their texts. (`tuning` and `held_out`
// are one set, of the same prompts.)
std::vector<Judged> leave_set_out(const std::vector<LabelledText>& corpus);

}  // namespace kvdiff::test
