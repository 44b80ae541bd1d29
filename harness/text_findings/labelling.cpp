#include "harness/text_findings/labelling.h"

#include <array>
#include <fmt/format.h>

#include "cache_backends/error.h"

namespace kvdiff {
namespace {

constexpr size_t states = 3;
using Scores = std::array<double, states>;
using Steps = std::array<Scores, states>;  // [from][to]

// Nats: the fit sees stuck text begin too late, or not at all, where it is all one to it.
constexpr double sooner_stuck = 2;

void check(const LabellingFeatures& features, const LabellingWeights& weights) {
  if (features.token.columns.size() != weights.token.size() || features.start.columns.size() != weights.start.size())
    throw InternalError(fmt::format("{} and {} features with {} and {} weights", features.token.columns.size(),
                                    features.start.columns.size(), weights.token.size(), weights.start.size()));
}

// What the features of each token say for salad and stuck; 0 for sound.
std::vector<Scores> state_scores(const FeatureTable& table, const LabellingWeights& weights) {
  std::vector<Scores> scores(table.columns[0].size(), Scores{});
  for (size_t j = 0; j < table.columns.size(); ++j)
    for (size_t i = 0; i < scores.size(); ++i) {
      scores[i][1] += weights.token[j].salad * table.columns[j][i];
      scores[i][2] += weights.token[j].stuck * table.columns[j][i];
    }
  return scores;
}

std::vector<Steps> step_scores(const FeatureTable& table, const LabellingWeights& weights) {
  const Scores from_stuck = {weights.sound_behind_stuck, weights.salad_behind_stuck, 0};
  const Steps each = {Scores{0, 0, sooner_stuck}, {weights.sound_behind_salad, 0, 0}, from_stuck};
  std::vector<Steps> scores(table.columns[0].size(), each);
  for (size_t j = 0; j < table.columns.size(); ++j)
    for (size_t i = 0; i < scores.size(); ++i) {
      scores[i][0][1] += weights.start[j].salad * table.columns[j][i];
      scores[i][0][2] += weights.start[j].stuck * table.columns[j][i];
      scores[i][1][2] += weights.start[j].stuck_behind_salad * table.columns[j][i];
    }
  return scores;
}

// The best state before `to`; of equal ones the first.
size_t best_before(const Scores& sums, const Steps& steps, size_t to) {
  size_t best = 0;
  for (size_t from = 1; from < states; ++from)
    if (sums[from] + steps[from][to] > sums[best] + steps[best][to]) best = from;
  return best;
}

// Viterbi's algorithm. The text before the first token is sound.
std::vector<size_t> best_path(const std::vector<Scores>& scores, const std::vector<Steps>& steps) {
  constexpr double never = -1e30;
  Scores sums = {0, never, never};
  std::vector<std::array<size_t, states>> before(scores.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    Scores next{};
    for (size_t to = 0; to < states; ++to) {
      const size_t from = before[i][to] = best_before(sums, steps[i], to);
      next[to] = sums[from] + steps[i][from][to] + scores[i][to];
    }
    sums = next;
  }
  std::vector<size_t> path(scores.size());
  size_t state = best_before(sums, Steps{}, 0);
  for (size_t i = scores.size(); i-- > 0; state = before[i][state]) path[i] = state;
  return path;
}

}  // namespace

std::vector<LabelledStretch> labelled_stretches(const LabellingFeatures& features, const LabellingWeights& weights) {
  check(features, weights);
  const std::vector<size_t> path = best_path(state_scores(features.token, weights), step_scores(features.start, weights));
  std::vector<LabelledStretch> all;
  for (size_t i = 0; i < path.size(); ++i) {
    if (i == 0 || path[i] != path[i - 1]) all.push_back({static_cast<TextState>(path[i]), static_cast<int64_t>(i), 0});
    all.back().end = static_cast<int64_t>(i) + 1;
  }
  std::erase_if(all, [](const LabelledStretch& one) { return one.state == TextState::sound; });
  return all;
}

}  // namespace kvdiff
