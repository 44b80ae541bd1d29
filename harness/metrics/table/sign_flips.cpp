#include "harness/metrics/table/rows.h"

#include "harness/metrics/distribution.h"

namespace kvdiff::metric {

Figure sign_flips(const Sample& sample) {
  if (sample.totals.compared == 0) return no_value(nothing_finite);
  return value_of(static_cast<double>(sample.totals.sign_flips));
}

Figure sign_flip_share(const Sample& sample) {
  return ratio(static_cast<double>(sample.totals.sign_flips), static_cast<double>(sample.totals.compared),
               nothing_finite);
}

}  // namespace kvdiff::metric
