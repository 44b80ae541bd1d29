#include "harness/metrics/table/rows.h"

#include "harness/metrics/distribution.h"

namespace kvdiff::metric {

Figure max_abs(const Sample& sample) {
  return sample.totals.compared == 0 ? no_value(nothing_finite) : value_of(sample.totals.max_abs);
}

}  // namespace kvdiff::metric
