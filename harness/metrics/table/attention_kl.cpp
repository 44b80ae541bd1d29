#include "harness/metrics/table/rows.h"

#include "harness/metrics/distribution.h"

namespace kvdiff::metric {

Figure attention_kl(const Sample& sample) {
  return ratio(sample.totals.attention_kl, static_cast<double>(sample.totals.attention_rows), no_attention_rows);
}

}  // namespace kvdiff::metric
