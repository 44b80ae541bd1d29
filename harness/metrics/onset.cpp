#include "harness/metrics/onset.h"

#include <algorithm>

namespace kvdiff {

namespace {

bool above(std::span<const VocabularyStep> vocabulary, size_t last, const OnsetRule& rule) {
  if (!vocabulary[last].finite) return true;
  const size_t first = last + 1 - std::min(last + 1, static_cast<size_t>(rule.window));
  double sum = 0;
  int64_t count = 0;
  for (size_t i = first; i <= last; ++i) {
    if (!vocabulary[i].finite) continue;
    sum += vocabulary[i].kld;
    ++count;
  }
  return sum > rule.threshold * static_cast<double>(count);
}

}  // namespace

std::optional<int64_t> divergence_onset(std::span<const VocabularyStep> vocabulary, const OnsetRule& rule) {
  size_t first = vocabulary.size();
  while (first > 0 && above(vocabulary, first - 1, rule)) --first;
  const bool long_enough = vocabulary.size() - first >= static_cast<size_t>(rule.window);
  if (!long_enough) return std::nullopt;
  return vocabulary[first].step;
}

}  // namespace kvdiff
