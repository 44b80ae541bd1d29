#include "harness/metrics/table/rows.h"

#include <cmath>

#include "harness/metrics/distribution.h"

namespace kvdiff::metric {

Figure attention_logit_mean_abs(const Sample& sample) {
  return ratio(sample.totals.absolute_difference, static_cast<double>(sample.totals.compared), nothing_finite);
}

Figure attention_logit_rms(const Sample& sample) {
  const Figure mean_square =
      ratio(sample.totals.difference_squared, static_cast<double>(sample.totals.compared), nothing_finite);
  return mean_square.value ? value_of(std::sqrt(*mean_square.value)) : mean_square;
}

Figure attention_logit_max(const Sample& sample) { return max_abs(sample); }

}  // namespace kvdiff::metric
