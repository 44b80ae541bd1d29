#include "harness/metrics/vocabulary.h"

#include <algorithm>
#include <fmt/format.h>

#include "cache_backends/error.h"

namespace kvdiff {

namespace {

float largest(std::span<const float> values) {
  return row_kernels().largest(values.data(), static_cast<int64_t>(values.size()));
}

double at(std::span<const float> logits, int32_t token) { return logits[static_cast<size_t>(token)]; }

}  // namespace

TopTwo top_two(std::span<const float> logits) {
  TopTwo top;
  const float best = largest(logits);
  const auto place = std::find(logits.begin(), logits.end(), best);
  if (place == logits.end()) return top;
  const auto index = static_cast<size_t>(place - logits.begin());
  top.token = static_cast<int32_t>(index);
  if (logits.size() == 1) return top;
  const float second = std::max(largest(logits.first(index)), largest(logits.subspan(index + 1)));
  top.margin = static_cast<double>(best) - static_cast<double>(second);
  return top;
}

int32_t rank_of(std::span<const float> logits, int32_t token) {
  const size_t index = static_cast<size_t>(token);
  const float value = logits[index];
  int32_t rank = 0;
  for (size_t i = 0; i < index; ++i) rank += logits[i] >= value;
  for (size_t i = index + 1; i < logits.size(); ++i) rank += logits[i] > value;
  return rank;
}

VocabularyStep measure_vocabulary(int64_t step, const VocabularyPair& pair) {
  const RowPair& logits = pair.logits;
  VocabularyStep result;
  result.step = step;
  const SoftmaxComparison softmax = compare_softmax(pair.reference, logits);
  const TopTwo reference = top_two(logits.reference), candidate = top_two(logits.candidate);
  result.kld = softmax.kl;
  result.reference_token = reference.token;
  result.candidate_token = candidate.token;
  result.flip = reference.token != candidate.token;
  result.reference_margin = reference.margin;
  result.candidate_margin = candidate.margin;
  result.flip_gap = at(logits.reference, reference.token) - at(logits.reference, candidate.token);
  result.candidate_rank = result.flip ? rank_of(logits.reference, candidate.token) : 0;
  result.followed_token = pair.followed_token;
  if (pair.followed_token < 0) return result;
  if (static_cast<size_t>(pair.followed_token) >= logits.reference.size())
    throw InternalError(
        fmt::format("followed token {} of a vocabulary of {}", pair.followed_token, logits.reference.size()));
  result.reference_logprob = at(logits.reference, pair.followed_token) - pair.reference.max - pair.reference.log_sum;
  result.candidate_logprob =
      at(logits.candidate, pair.followed_token) - softmax.candidate_max - softmax.candidate_log_sum;
  return result;
}

}  // namespace kvdiff
