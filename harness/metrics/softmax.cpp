#include "harness/metrics/softmax.h"

#include <cstring>

#include "harness/metrics/portable_math.h"

namespace kvdiff {

namespace {

std::shared_ptr<const ReferenceRows> rows_of(const Observation& observation) {
  auto made = std::make_shared<ReferenceRows>();
  made->logits.assign(observation.reference.begin(), observation.reference.end());
  const auto columns = static_cast<size_t>(observation.columns);
  for (size_t row = 0; row < static_cast<size_t>(observation.rows); ++row)
    made->rows.push_back(softmax_row(observation.reference.subspan(row * columns, columns)));
  return made;
}

bool same_bits(std::span<const float> left, std::span<const float> right) {
  return left.size() == right.size() && std::memcmp(left.data(), right.data(), left.size_bytes()) == 0;
}

}  // namespace

SoftmaxRow softmax_row(std::span<const float> logits) {
  const RowKernels& kernels = row_kernels();
  const auto size = static_cast<int64_t>(logits.size());
  SoftmaxRow row;
  row.weights.resize(logits.size());
  row.max = kernels.largest(logits.data(), size);
  row.sum = kernels.softmax_weights(logits.data(), size, row.max, row.weights.data());
  row.log_sum = portable_log(row.sum);
  return row;
}

SoftmaxComparison compare_softmax(const SoftmaxRow& reference, const RowPair& logits) {
  const RowKernels& kernels = row_kernels();
  const auto size = static_cast<int64_t>(logits.candidate.size());
  const float candidate_max = kernels.largest(logits.candidate.data(), size);
  return comparison_of(reference.sum, candidate_max,
                       kernels.softmax_sums({reference.weights.data(), logits.reference.data(), logits.candidate.data(),
                                             size, reference.max, candidate_max}));
}

SoftmaxComparison comparison_of(double reference_sum, float candidate_max, const SoftmaxSums& sums) {
  SoftmaxComparison result;
  result.candidate_max = candidate_max;
  const double kl = sums.weighted_difference / reference_sum - portable_log(reference_sum / sums.candidate);
  result.kl = kl > 0 ? kl : 0;
  result.candidate_log_sum = portable_log(sums.candidate);
  return result;
}

ReferenceSoftmax::ReferenceSoftmax(int layers) : entries_(static_cast<size_t>(layers) + 1) {}

std::shared_ptr<const ReferenceRows> ReferenceSoftmax::of(const Observation& observation) {
  const bool logits = observation.stage == Stage::logits;
  Entry& entry = entries_[logits ? entries_.size() - 1 : static_cast<size_t>(observation.layer)];
  const std::lock_guard lock(entry.mutex);
  const bool known = entry.latest && entry.latest->rows.size() == static_cast<size_t>(observation.rows) &&
                     same_bits(entry.latest->logits, observation.reference);
  if (!known) entry.latest = rows_of(observation);
  return entry.latest;
}

}  // namespace kvdiff
