#include "harness/metrics/divergence.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cache_backends/error.h"
#include "harness/metrics/softmax.h"

namespace kvdiff {

namespace {

// Over the finite logits alone: a broken logit takes no probability from the others.
struct LogSum {
  double largest = 0, log_sum = 0;
  double logprob(double logit) const { return logit - largest - log_sum; }
};

LogSum log_sum_of(std::span<const float> logits) {
  std::vector<float> finite;
  for (const float logit : logits)
    if (std::isfinite(logit)) finite.push_back(logit);
  if (finite.empty()) return {};
  const SoftmaxRow row = softmax_row(finite);
  return {row.max, row.log_sum};
}

TokenChoice choice(std::span<const float> logits, int32_t id, const LogSum& sum, const TokenText& text) {
  const double logit = logits[static_cast<size_t>(id)];
  return {id, text(id), logit, sum.logprob(logit)};
}

double margin_of(const std::vector<TokenChoice>& top) { return top.size() < 2 ? 0 : top[0].logit - top[1].logit; }

}  // namespace

std::vector<TokenChoice> top_choices(std::span<const float> logits, int k, const TokenText& text) {
  std::vector<int32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  std::erase_if(ids, [&](int32_t id) { return std::isnan(logits[static_cast<size_t>(id)]); });
  const auto count = std::min(static_cast<std::ptrdiff_t>(k), static_cast<std::ptrdiff_t>(ids.size()));
  std::partial_sort(ids.begin(), ids.begin() + count, ids.end(), [&](int32_t a, int32_t b) {
    const float left = logits[static_cast<size_t>(a)], right = logits[static_cast<size_t>(b)];
    return left > right || (left == right && a < b);
  });
  const LogSum sum = log_sum_of(logits);
  std::vector<TokenChoice> top;
  for (std::ptrdiff_t i = 0; i < count; ++i) top.push_back(choice(logits, ids[static_cast<size_t>(i)], sum, text));
  return top;
}

Divergence describe_divergence(const DivergenceStep& at, const TokenText& text) {
  for (const int32_t id : {at.reference_token, at.candidate_token})
    if (id < 0 || static_cast<size_t>(id) >= std::min(at.reference_logits.size(), at.candidate_logits.size()))
      throw InternalError("a divergence at a token outside the vocabulary");
  const LogSum reference_sum = log_sum_of(at.reference_logits), candidate_sum = log_sum_of(at.candidate_logits);
  Divergence result;
  result.step = at.step;
  result.reference = choice(at.reference_logits, at.reference_token, reference_sum, text);
  result.candidate = choice(at.candidate_logits, at.candidate_token, candidate_sum, text);
  result.reference_for_candidate = choice(at.reference_logits, at.candidate_token, reference_sum, text);
  result.reference_top = top_choices(at.reference_logits, 5, text);
  result.candidate_top = top_choices(at.candidate_logits, 5, text);
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
