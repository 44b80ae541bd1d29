#pragma once
#include "harness/metrics/measurements.h"
#include "harness/metrics/row_metrics.h"
#include "harness/metrics/softmax.h"

namespace kvdiff {

// Adds one row (one head of one step) to the totals of its layer and head. row: what measure_row made of the pair;
// workspace: its repaired copies, if it is broken. Returns what StepTotals::attention_sum sums up; 0 for other stages.
struct RowInPlace {
  Stage stage;
  Place place;  // index is not used
  const RowPair& pair;
  const RowResult& row;
  const RowWorkspace& workspace;
  const SoftmaxRow* softmax;  // the reference's row; null but for attention_logits
};
double add_row(const RowInPlace& at, Totals& totals);
// Whether the row is one of an attention stage that is counted in attention_rows: finite, and with at least one key.
bool counts_as_attention_row(const RowInPlace& at);

}  // namespace kvdiff
