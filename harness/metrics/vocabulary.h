#pragma once
#include <cstdint>
#include <span>

#include "harness/metrics/measurements.h"
#include "harness/metrics/softmax.h"

namespace kvdiff {

// The largest logit and the runner-up of finite logits. Ties: the lowest id wins; with a tie the margin is 0.
struct TopTwo {
  int32_t token = -1;
  double margin = 0;  // largest minus second largest; 0 for a vocabulary of one
};
TopTwo top_two(std::span<const float> logits);

// 0-based: how many logits are larger, or equal with a lower id.
int32_t rank_of(std::span<const float> logits, int32_t token);

// One step over the whole vocabulary; the logits must be finite. reference: softmax_row of the reference's logits.
// near_tie stays unknown. Throws InternalError for a followed token outside the vocabulary.
struct VocabularyPair {
  const SoftmaxRow& reference;
  RowPair logits;
  int32_t followed_token;  // -1: none
};
VocabularyStep measure_vocabulary(int64_t step, const VocabularyPair& pair);

}  // namespace kvdiff
