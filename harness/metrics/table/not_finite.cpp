#include "harness/metrics/table/rows.h"

#include "harness/metrics/distribution.h"

namespace kvdiff::metric {

Figure not_finite(const Sample& sample) {
  return value_of(static_cast<double>(sample.totals.not_finite_candidate));
}

}  // namespace kvdiff::metric
