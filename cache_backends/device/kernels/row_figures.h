#pragma once
#include <cstdint>

// What the kernels of metrics say of one row of pairs: all that a host needs that cannot follow the values themselves. The
// host's twins are harness/metrics/row_metrics.h, softmax.h and vocabulary.h. Sizes are multiples of 8: figures of several
// kernels lie in one array and come back in one copy.
namespace kvdiff::device {

struct ValuePair {
  float reference, candidate;
};

// -1 where there is no such index. A pair that is not finite counts as (0, 0) in the sums.
struct PairFigures {
  double reference_squared, candidate_squared, product, difference_squared, absolute_difference;
  double max_abs;
  int64_t max_abs_index;  // the first; -1 where nothing differs
  int64_t sign_flips;
  int64_t not_finite, not_finite_reference, not_finite_candidate;  // pairs; values of each side
  int64_t first_not_finite, first_not_finite_reference;
  ValuePair first;  // of column 0
  ValuePair at_first_not_finite, at_first_not_finite_reference;
};

// Meaningless for rows that are not finite.
struct SoftmaxFigures {
  double reference_sum, candidate_sum;  // of exp(x - max)
  double weighted_difference;           // sum of reference weight x ((r - max_r) - (c - max_c))
  float reference_max, candidate_max;
};

// Of finite logits; token: -1 where none is a number above -infinity.
struct VocabularyFigures {
  int64_t reference_token, candidate_token;  // largest logit, the lowest id wins ties
  int64_t candidate_rank;                    // 0-based, among the reference's logits, of the candidate's token
  float reference_best, reference_second;    // second: -infinity for a vocabulary of one
  float candidate_best, candidate_second;
  float reference_at_candidate_token;
  ValuePair followed;                        // at the followed token; 0 without one
  float padding;
};

// Of one row of logits; not_finite: how many are NaN or infinite, where the rest means nothing.
struct TokenScore {
  double sum;        // of exp((x - max) / temperature)
  float max, logit;  // logit: of the token that was asked for
  int64_t not_finite;
};

struct TokenLogit {
  float logit;
  int32_t token;  // -1: none
};

static_assert(sizeof(PairFigures) % 8 == 0 && sizeof(SoftmaxFigures) % 8 == 0 && sizeof(VocabularyFigures) % 8 == 0);

}  // namespace kvdiff::device
