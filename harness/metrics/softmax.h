#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "harness/metrics/row_metrics.h"
#include "harness/observer.h"

namespace kvdiff {

// One row of the reference's logits, prepared once and compared with many candidates. log-softmax(x) = x - max - log_sum.
struct SoftmaxRow {
  std::vector<double> weights;  // exp(x - max)
  float max = 0;
  double sum = 0, log_sum = 0;
};
SoftmaxRow softmax_row(std::span<const float> logits);

struct SoftmaxComparison {
  double kl = 0;  // KL(reference || candidate), nats, over double; what rounding leaves below 0 is written as 0
  float candidate_max = 0;
  double candidate_log_sum = 0;
};
// The rows must be finite. Exactly 0 for equal rows.
SoftmaxComparison compare_softmax(const SoftmaxRow& reference, const RowPair& logits);
// The same from sums that were made elsewhere. reference_sum: of exp(r - max_r).
SoftmaxComparison comparison_of(double reference_sum, float candidate_max, const SoftmaxSums& sums);

struct ReferenceRows {
  std::vector<float> logits;     // [rows, columns], as they came
  std::vector<SoftmaxRow> rows;
};

// The reference's rows of attention logits (the latest of each layer) and of logits, shared by all lanes, modes and threads
// of a step: half of the exponentials of a step belong to the reference. Rows are known again by all their bits, so this
// saves time and cannot change a number.
class ReferenceSoftmax {
 public:
  explicit ReferenceSoftmax(int layers);
  // Stage attention_logits or logits. Safe from several threads at once: who comes first computes, the others wait.
  std::shared_ptr<const ReferenceRows> of(const Observation& observation);

 private:
  struct Entry {
    std::mutex mutex;
    std::shared_ptr<const ReferenceRows> latest;
  };
  std::vector<Entry> entries_;  // [layers + 1]; the last one: logits
};

}  // namespace kvdiff
