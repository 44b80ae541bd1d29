#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/metrics/logit_row.h"
#include "harness/metrics/measurements.h"

namespace kvdiff {

struct TokenChoice {
  int32_t id = -1;
  std::string text;
  double logit = 0;
  double logprob = 0;  // nats, over the whole vocabulary
};

// The first step at which a free lane's token differs from the reference's (the end-of-text token counts).
struct Divergence {
  int64_t step = 0;
  TokenChoice reference, candidate;  // what each chose: its own logits
  TokenChoice reference_for_candidate;  // the candidate's token, seen with the reference's logits
  std::vector<TokenChoice> reference_top, candidate_top;  // 5, or the vocabulary if it is smaller; ties: lowest id first
  double reference_margin = 0, candidate_margin = 0;      // largest logit minus second largest
  NearTie near_tie = NearTie::unknown;
};

using TokenText = std::function<std::string(int32_t)>;

// The k largest, descending; equal logits by ascending id; a NaN is never chosen.
std::vector<TokenChoice> top_choices(const LogitRow& logits, int k, const TokenText& text);

struct DivergenceStep {
  int64_t step = 0;
  int32_t reference_token = -1, candidate_token = -1;
  LogitRow reference_logits, candidate_logits;
  std::optional<double> arithmetic_floor;                     // of this step, in logits, if it was measured
};
Divergence describe_divergence(const DivergenceStep& at, const TokenText& text);

// yes: margin <= 2 x floor; unknown without a floor.
NearTie near_tie(double reference_margin, std::optional<double> arithmetic_floor);

}  // namespace kvdiff
