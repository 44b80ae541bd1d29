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
// Of the two largest; never -0.
double margin(float best, float second);

// 0-based: how many logits are larger, or equal with a lower id.
int32_t rank_of(std::span<const float> logits, int32_t token);

// What a step is made of, wherever the logits lie.
struct LogitFigures {
  int64_t vocabulary = 0;
  SoftmaxComparison softmax;
  float reference_max = 0;
  double reference_log_sum = 0;
  TopTwo reference, candidate;
  double flip_gap = 0;
  int32_t candidate_rank = 0;   // 0 where nothing flipped
  int32_t followed_token = -1;
  struct {
    double reference = 0, candidate = 0;
  } followed;                   // logits of that token
};
// Throws InternalError for a followed token outside the vocabulary.
VocabularyStep vocabulary_step(int64_t step, const LogitFigures& figures);

// One step over the whole vocabulary; the logits must be finite. reference: softmax_row of the reference's logits.
// near_tie stays unknown. Throws InternalError for a followed token outside the vocabulary.
struct VocabularyPair {
  const SoftmaxRow& reference;
  RowPair logits;
  int32_t followed_token;  // -1: none
};
VocabularyStep measure_vocabulary(int64_t step, const VocabularyPair& pair);

}  // namespace kvdiff
