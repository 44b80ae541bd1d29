#include "harness/metrics/table/rows.h"

#include "harness/metrics/distribution.h"
#include "harness/metrics/portable_math.h"

namespace kvdiff::metric {

namespace {

// exp(-mean log-probability) over the steps in which a token followed.
Figure perplexity_of(const Sample& sample, double (*surprise)(const VocabularyStep& step)) {
  std::vector<double> surprises;
  for (const VocabularyStep& step : sample.vocabulary)
    if (step.finite && step.followed_token >= 0) surprises.push_back(surprise(step));
  if (surprises.empty()) return no_value("no step with finite logits has a token that follows");
  return value_of(portable_exp(mean(surprises)));
}

}  // namespace

Figure perplexity(const Sample& sample) {
  return perplexity_of(sample, [](const VocabularyStep& step) { return -step.candidate_logprob; });
}

Figure reference_perplexity(const Sample& sample) {
  return perplexity_of(sample, [](const VocabularyStep& step) { return -step.reference_logprob; });
}

Figure perplexity_ratio(const Sample& sample) {
  return perplexity_of(sample,
                       [](const VocabularyStep& step) { return step.reference_logprob - step.candidate_logprob; });
}

}  // namespace kvdiff::metric
