#pragma once
#include "harness/text_findings/labelling_weights.h"
#include "tests/harness/text_findings/corpus.h"

namespace kvdiff::test {

// The weights of the labels (harness/text_findings/labelling.h), fitted: the likeliest ones for what readers found in the texts
// by themselves (labelling_gold.h), with a ridge on features of the same spread. `rules`: the salad weights that features use.
LabellingWeights fitted_labelling(const std::vector<const LabelledText*>& texts, const GibberishRules& rules);

}  // namespace kvdiff::test
