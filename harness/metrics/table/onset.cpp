#include "harness/metrics/table/rows.h"

#include "harness/metrics/distribution.h"
#include "harness/metrics/onset.h"

namespace kvdiff::metric {

Figure onset(const Sample& sample) {
  if (sample.vocabulary.empty()) return no_value("no logits were observed");
  const std::optional<int64_t> step = divergence_onset(sample.vocabulary);
  return step ? value_of(static_cast<double>(*step)) : no_value("no onset");
}

}  // namespace kvdiff::metric
