#include "harness/metrics/divergence.h"

#include <algorithm>

#include "cache_backends/error.h"

namespace kvdiff {

namespace {

TokenChoice choice(const TokenLogit& token, const LogSum& sum, const TokenText& text) {
  return {token.token, text(token.token), token.logit, sum.logprob(token.logit)};
}

double margin_of(const std::vector<TokenChoice>& top) { return top.size() < 2 ? 0 : top[0].logit - top[1].logit; }

}  // namespace

std::vector<TokenChoice> top_choices(const LogitRow& logits, int k, const TokenText& text) {
  const LogSum sum = logits.log_sum();
  std::vector<TokenChoice> top;
  for (const TokenLogit& one : logits.largest(k)) top.push_back(choice(one, sum, text));
  return top;
}

Divergence describe_divergence(const DivergenceStep& at, const TokenText& text) {
  const LogitRow &reference = at.reference_logits, &candidate = at.candidate_logits;
  for (const int32_t id : {at.reference_token, at.candidate_token})
    if (id < 0 || id >= std::min(reference.size(), candidate.size()))
      throw InternalError("a divergence at a token outside the vocabulary");
  const auto chosen = [&](const LogitRow& row, int32_t id) { return choice({row.at(id), id}, row.log_sum(), text); };
  Divergence result;
  result.step = at.step;
  result.reference = chosen(reference, at.reference_token);
  result.candidate = chosen(candidate, at.candidate_token);
  result.reference_for_candidate = chosen(reference, at.candidate_token);
  result.reference_top = top_choices(reference, 5, text);
  result.candidate_top = top_choices(candidate, 5, text);
  result.reference_margin = margin_of(result.reference_top);
  result.candidate_margin = margin_of(result.candidate_top);
  result.near_tie = near_tie(result.reference_margin, at.arithmetic_floor);
  return result;
}

NearTie near_tie(double reference_margin, std::optional<double> arithmetic_floor) {
  if (!arithmetic_floor) return NearTie::unknown;
  return reference_margin <= 2 * *arithmetic_floor ? NearTie::yes : NearTie::no;
}

}  // namespace kvdiff
