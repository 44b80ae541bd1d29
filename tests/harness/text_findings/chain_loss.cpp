#include "tests/harness/text_findings/chain_loss.h"

#include "harness/metrics/portable_math.h"

namespace kvdiff::test {
namespace {

constexpr size_t states = 3;
constexpr double furthest = 60;  // nats: what is less likely than that does not count
using Scores = std::array<double, states>;
using Steps = std::array<Scores, states>;  // [from][to]

// The steps that features speak for, and those of one weight each.
constexpr std::array<std::pair<size_t, size_t>, 3> with_features = {{{0, 1}, {0, 2}, {1, 2}}}, plain = {{{1, 0}, {2, 0}, {2, 1}}};

void add_to(Column& sum, double weight, const Column& values) {
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += weight * values[i];
}

Column weighed(const std::vector<Column>& features, const double* weights) {
  Column sum(features[0].size(), 0);
  for (size_t j = 0; j < features.size(); ++j) add_to(sum, weights[j], features[j]);
  return sum;
}

// Four sums side by side: one alone waits for itself.
double dot(const Column& a, const Column& b) {
  std::array<double, 4> sum{};
  size_t i = 0;
  for (; i + 4 <= a.size(); i += 4)
    for (size_t k = 0; k < 4; ++k) sum[k] += a[i + k] * b[i + k];
  for (; i < a.size(); ++i) sum[0] += a[i] * b[i];
  return sum[0] + sum[1] + sum[2] + sum[3];
}

struct Weights {          // not logarithms
  std::vector<Scores> states;
  std::vector<Steps> steps;
};

Weights weights_of(const Chain& chain, const ParameterPlaces& places, const std::vector<double>& parameters) {
  const Column salad = weighed(chain.token, &parameters[places.of_token(1, 0)]), stuck = weighed(chain.token, &parameters[places.of_token(2, 0)]);
  Weights weights{std::vector<Scores>(salad.size()), std::vector<Steps>(salad.size(), Steps{Scores{1, 1, 1}, {1, 1, 1}, {1, 1, 1}})};
  for (size_t i = 0; i < salad.size(); ++i) {
    const double largest = std::max({0.0, salad[i], stuck[i]});
    size_t state = 0;
    for (const double score : {0.0, salad[i], stuck[i]}) weights.states[i][state++] = portable_exp(std::max(score - largest, -furthest));
  }
  for (size_t kind = 0; kind < with_features.size(); ++kind) {
    const Column score = weighed(chain.start, &parameters[places.of_start(kind, 0)]);
    const double one = portable_exp(std::clamp(parameters[places.of_step(kind)], -furthest, furthest));
    for (size_t i = 0; i < score.size(); ++i) {
      weights.steps[i][with_features[kind].first][with_features[kind].second] = portable_exp(std::clamp(score[i], -furthest, furthest));
      weights.steps[i][plain[kind].first][plain[kind].second] = one;
    }
  }
  return weights;
}

struct Expected {
  double log_sum = 0;  // of all sequences, but for what is common to all
  std::vector<Scores> states;
  std::vector<Steps> steps;
};

constexpr Scores beginning = {1, 0, 0};  // sound, before the first token

// Probabilities of the states up to each token, and by what they were scaled.
std::vector<Scores> forward(const std::vector<Steps>& steps, Column& scales) {
  std::vector<Scores> all;
  for (const Steps& step : steps) {
    const Scores& before = all.empty() ? beginning : all.back();
    Scores now{};
    for (size_t from = 0; from < states; ++from)
      for (size_t to = 0; to < states; ++to) now[to] += before[from] * step[from][to];
    scales.push_back(now[0] + now[1] + now[2]);
    for (double& one : now) one /= scales.back();
    all.push_back(now);
  }
  return all;
}

// `steps`: with the weights of the states they lead to.
Expected expected_of(const std::vector<Steps>& steps) {
  Column scales;
  const std::vector<Scores> up_to = forward(steps, scales);
  Expected expected{0, std::vector<Scores>(steps.size()), steps};
  Scores behind = {1, 1, 1};
  for (size_t i = steps.size(); i-- > 0;) {
    expected.log_sum += portable_log(scales[i]);
    const Scores& before = i == 0 ? beginning : up_to[i - 1];
    Scores next{};
    for (size_t to = 0; to < states; ++to) expected.states[i][to] = up_to[i][to] * behind[to];
    for (size_t from = 0; from < states; ++from)
      for (size_t to = 0; to < states; ++to) {
        const double one = steps[i][from][to] * behind[to] / scales[i];
        expected.steps[i][from][to] = before[from] * one;
        next[from] += one;
      }
    behind = next;
  }
  return expected;
}

std::vector<Steps> steps_into(const Weights& weights, const std::vector<std::array<bool, 3>>* allowed) {
  std::vector<Steps> steps = weights.steps;
  for (size_t i = 0; i < steps.size(); ++i)
    for (Scores& from : steps[i])
      for (size_t to = 0; to < states; ++to) from[to] *= allowed != nullptr && !(*allowed)[i][to] ? 0 : weights.states[i][to];
  return steps;
}

void add_gradient(const Chain& chain, const ParameterPlaces& places, const Expected& any, const Expected& gold, Column& gradient) {
  const size_t size = any.states.size();
  for (const size_t state : {size_t{1}, size_t{2}}) {
    const Column change = column(size, [&](size_t i) { return any.states[i][state] - gold.states[i][state]; });
    for (size_t j = 0; j < places.token; ++j) gradient[places.of_token(state, j)] += dot(chain.token[j], change);
  }
  const auto change_of = [&](std::pair<size_t, size_t> step) {
    return column(size, [&](size_t i) { return any.steps[i][step.first][step.second] - gold.steps[i][step.first][step.second]; });
  };
  for (size_t kind = 0; kind < with_features.size(); ++kind) {
    const Column change = change_of(with_features[kind]);
    for (size_t j = 0; j < places.start; ++j) gradient[places.of_start(kind, j)] += dot(chain.start[j], change);
    for (const double one : change_of(plain[kind])) gradient[places.of_step(kind)] += one;
  }
}

}  // namespace

double chain_loss(const Chain& chain, const ParameterPlaces& places, const std::vector<double>& parameters, std::vector<double>& gradient) {
  const Weights weights = weights_of(chain, places, parameters);
  const Expected any = expected_of(steps_into(weights, nullptr)), gold = expected_of(steps_into(weights, &chain.allowed));
  add_gradient(chain, places, any, gold, gradient);
  return any.log_sum - gold.log_sum;
}

}  // namespace kvdiff::test
