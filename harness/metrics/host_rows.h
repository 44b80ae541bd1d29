#pragma once
#include <memory>

#include "harness/metrics/row_source.h"
#include "harness/metrics/softmax.h"

namespace kvdiff {

// Rows in the host's memory.
class HostRows final : public RowSource {
 public:
  // reference is shared with other lanes and outlives this.
  explicit HostRows(ReferenceSoftmax& reference) : reference_(reference) {}

  void take(const Observation& observation) override;
  RowResult measure(int row) override;
  int64_t index_of_max_abs(int row, double max_abs) override;
  Values at(int row, int64_t index) override;
  double attention_kl(int row) override;
  VocabularyStep vocabulary() override;

 private:
  RowPair pair(int row) const;
  const ReferenceRows& softmax();

  ReferenceSoftmax& reference_;
  const Observation* observation_ = nullptr;
  std::shared_ptr<const ReferenceRows> softmax_;  // of the observation, once it was asked for
  RowWorkspace workspace_;                        // of the row measured last
  bool finite_ = true;                            // that row
};

}  // namespace kvdiff
