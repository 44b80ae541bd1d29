#include "harness/metrics/table/rows.h"

#include <cmath>

#include "harness/metrics/distribution.h"

namespace kvdiff::metric {

// One square root of the product, not the product of two: then equal sides give exactly 1.
Figure cosine(const Sample& sample) {
  if (sample.totals.compared == 0) return no_value(nothing_finite);
  return ratio(sample.totals.product, std::sqrt(sample.totals.reference_squared * sample.totals.candidate_squared),
               "a side is zero everywhere");
}

}  // namespace kvdiff::metric
