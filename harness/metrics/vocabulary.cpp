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

double margin(float best, float second) {
  return best > second ? static_cast<double>(best) - static_cast<double>(second) : 0;
}

TopTwo top_two(std::span<const float> logits) {
  TopTwo top;
  const float best = largest(logits);
  const auto place = std::find(logits.begin(), logits.end(), best);
  if (place == logits.end()) return top;
  const auto index = static_cast<size_t>(place - logits.begin());
  top.token = static_cast<int32_t>(index);
  if (logits.size() == 1) return top;
  const float second = std::max(largest(logits.first(index)), largest(logits.subspan(index + 1)));
  top.margin = margin(best, second);
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

VocabularyStep vocabulary_step(int64_t step, const LogitFigures& figures) {
  VocabularyStep result;
  result.step = step;
  result.kld = figures.softmax.kl;
  result.reference_token = figures.reference.token;
  result.candidate_token = figures.candidate.token;
  result.flip = figures.reference.token != figures.candidate.token;
  result.reference_margin = figures.reference.margin;
  result.candidate_margin = figures.candidate.margin;
  result.flip_gap = figures.flip_gap;
  result.candidate_rank = figures.candidate_rank;
  result.followed_token = figures.followed_token;
  if (figures.followed_token < 0) return result;
  if (figures.followed_token >= figures.vocabulary)
    throw InternalError(fmt::format("followed token {} of a vocabulary of {}", figures.followed_token, figures.vocabulary));
  result.reference_logprob = figures.followed.reference - figures.reference_max - figures.reference_log_sum;
  result.candidate_logprob =
      figures.followed.candidate - figures.softmax.candidate_max - figures.softmax.candidate_log_sum;
  return result;
}

VocabularyStep measure_vocabulary(int64_t step, const VocabularyPair& pair) {
  const RowPair& logits = pair.logits;
  LogitFigures figures;
  figures.vocabulary = static_cast<int64_t>(logits.reference.size());
  figures.softmax = compare_softmax(pair.reference, logits);
  figures.reference_max = pair.reference.max;
  figures.reference_log_sum = pair.reference.log_sum;
  figures.reference = top_two(logits.reference);
  figures.candidate = top_two(logits.candidate);
  figures.flip_gap = at(logits.reference, figures.reference.token) - at(logits.reference, figures.candidate.token);
  if (figures.reference.token != figures.candidate.token)
    figures.candidate_rank = rank_of(logits.reference, figures.candidate.token);
  figures.followed_token = pair.followed_token;
  if (pair.followed_token >= 0 && pair.followed_token < figures.vocabulary)
    figures.followed = {at(logits.reference, pair.followed_token), at(logits.candidate, pair.followed_token)};
  return vocabulary_step(step, figures);
}

}  // namespace kvdiff
