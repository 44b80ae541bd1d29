#include "harness/metrics/table/rows.h"

#include "harness/metrics/distribution.h"

namespace kvdiff::metric {

namespace {

Figure per_row(double sum, const Sample& sample) {
  return ratio(sum, static_cast<double>(sample.totals.attention_rows), no_attention_rows);
}

}  // namespace

Figure attention_mass_moved(const Sample& sample) { return per_row(sample.totals.mass_moved, sample); }

Figure attention_mass_moved_max(const Sample& sample) {
  if (sample.totals.attention_rows == 0) return no_value(no_attention_rows);
  return value_of(sample.totals.largest_mass_moved);
}

Figure sink_mass_reference(const Sample& sample) { return per_row(sample.totals.sink_reference, sample); }

Figure sink_mass_moved(const Sample& sample) { return per_row(sample.totals.sink_moved, sample); }

Figure sink_mass_change(const Sample& sample) {
  return per_row(sample.totals.sink_candidate - sample.totals.sink_reference, sample);
}

}  // namespace kvdiff::metric
