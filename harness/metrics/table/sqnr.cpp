#include "harness/metrics/table/rows.h"

#include "harness/metrics/distribution.h"
#include "harness/metrics/portable_math.h"

namespace kvdiff::metric {

Figure sqnr(const Sample& sample) {
  if (sample.totals.compared == 0) return no_value(nothing_finite);
  if (sample.totals.difference_squared == 0) return no_value("no error");
  if (sample.totals.reference_squared == 0) return no_value("the reference is zero everywhere");
  constexpr double decibels_per_neper_of_power = 4.3429448190325175;  // 10 / ln 10
  return value_of(decibels_per_neper_of_power *
                  portable_log(sample.totals.reference_squared / sample.totals.difference_squared));
}

}  // namespace kvdiff::metric
