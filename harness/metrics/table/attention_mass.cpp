#include "harness/metrics/table/rows.h"

#include "harness/metrics/distribution.h"

namespace kvdiff::metric {

namespace {

Figure per_row(double sum, const Sample& sample) {
  return ratio(sum, static_cast<double>(sample.totals.attention_rows), no_attention_rows);
}

}  // namespace

Figure attention_mass_moved(const Sample& sample) { return per_row(sample.totals.mass_moved, sample); }

Figure sink_mass_moved(const Sample& sample) { return per_row(sample.totals.sink_moved, sample); }

Figure sink_mass_change(const Sample& sample) {
  return per_row(sample.totals.sink_candidate - sample.totals.sink_reference, sample);
}

}  // namespace kvdiff::metric
