#include "harness/metrics/table/rows.h"

#include "harness/metrics/distribution.h"

namespace kvdiff::metric {

namespace {

std::vector<double> ranks(const Sample& sample) {
  std::vector<double> found;
  for (const VocabularyStep& step : sample.vocabulary)
    if (step.finite) found.push_back(step.candidate_rank);
  return found;
}

}  // namespace

Figure candidate_rank_mean(const Sample& sample) {
  const std::vector<double> found = ranks(sample);
  return found.empty() ? no_value(no_finite_step) : value_of(mean(found));
}

Figure candidate_rank_max(const Sample& sample) {
  const std::vector<double> found = ranks(sample);
  return found.empty() ? no_value(no_finite_step) : value_of(percentile(found, 1000));
}

}  // namespace kvdiff::metric
