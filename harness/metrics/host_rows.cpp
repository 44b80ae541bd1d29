#include "harness/metrics/host_rows.h"

#include "harness/metrics/vocabulary.h"

namespace kvdiff {

void HostRows::take(const Observation& observation) {
  observation_ = &observation;
  softmax_.reset();
}

RowPair HostRows::pair(int row) const {
  const auto columns = static_cast<size_t>(observation_->columns), first = static_cast<size_t>(row) * columns;
  return {observation_->reference.subspan(first, columns), observation_->candidate.subspan(first, columns)};
}

const ReferenceRows& HostRows::softmax() {
  if (!softmax_) softmax_ = reference_.of(*observation_);
  return *softmax_;
}

RowResult HostRows::measure(int row) {
  const RowResult result = measure_row(pair(row), workspace_);
  finite_ = result.finite();
  return result;
}

int64_t HostRows::index_of_max_abs(int row, double max_abs) {
  const RowPair repaired = {workspace_.reference, workspace_.candidate};
  return kvdiff::index_of_max_abs(finite_ ? pair(row) : repaired, max_abs);
}

RowSource::Values HostRows::at(int row, int64_t index) {
  const RowPair values = pair(row);
  return {values.reference[static_cast<size_t>(index)], values.candidate[static_cast<size_t>(index)]};
}

double HostRows::attention_kl(int row) { return compare_softmax(softmax().rows[static_cast<size_t>(row)], pair(row)).kl; }

VocabularyStep HostRows::vocabulary() {
  return measure_vocabulary(observation_->step, {softmax().rows[0], pair(0), observation_->followed_token});
}

}  // namespace kvdiff
