#include "harness/metrics/table/rows.h"

#include <cmath>

#include "harness/metrics/distribution.h"

namespace kvdiff::metric {

Figure relative_l2(const Sample& sample) {
  if (sample.totals.compared == 0) return no_value(nothing_finite);
  if (sample.totals.difference_squared == 0) return value_of(0);
  const Figure squared =
      ratio(sample.totals.difference_squared, sample.totals.reference_squared, "the reference is zero everywhere");
  return squared.value ? value_of(std::sqrt(*squared.value)) : squared;
}

}  // namespace kvdiff::metric
