#pragma once
#include "harness/metrics/measurements.h"
#include "harness/metrics/row_source.h"

namespace kvdiff {

// Adds one row (one head of one step) to the totals of its layer and head. row: the row that `source` measured last. Returns
// what StepTotals::attention_sum sums up; 0 for other stages.
struct RowInPlace {
  Stage stage;
  Place place;  // index is not used
  int64_t columns;
  const RowResult& row;
  RowSource& source;
};
double add_row(const RowInPlace& at, Totals& totals);
// Whether the row is one of an attention stage that is counted in attention_rows: finite, and with at least one key.
bool counts_as_attention_row(const RowInPlace& at);

}  // namespace kvdiff
