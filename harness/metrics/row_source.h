#pragma once
#include <cstdint>

#include "harness/metrics/measurements.h"
#include "harness/metrics/row_metrics.h"

namespace kvdiff {

// What LaneRecorder asks about an observation's rows. The values themselves may lie in memory that the host cannot follow, so
// this is all that is known of them; the figures have the same bits wherever they are made.
class RowSource {
 public:
  virtual ~RowSource() = default;

  // All that follows is about this observation, which outlives it.
  virtual void take(const Observation& observation) = 0;

  // Rows in any order; the other figures of a row only after it was measured and before the next one is.
  virtual RowResult measure(int row) = 0;
  // First index of the given maximum of |reference - candidate|, which is the row's and above 0.
  virtual int64_t index_of_max_abs(int row, double max_abs) = 0;
  // index: 0, or one of the row's first_not_finite and first_not_finite_reference.
  struct Values {
    float reference = 0, candidate = 0;
  };
  virtual Values at(int row, int64_t index) = 0;
  // Stage attention_logits, finite rows: KL(reference || candidate), nats.
  virtual double attention_kl(int row) = 0;
  // Stage logits, finite: the step over the whole vocabulary. Throws InternalError for a followed token outside of it.
  virtual VocabularyStep vocabulary() = 0;
};

}  // namespace kvdiff
