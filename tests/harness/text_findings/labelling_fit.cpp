#include "tests/harness/text_findings/labelling_fit.h"

#include <cmath>
#include <numeric>
#include <thread>

#include "harness/text_findings/labelling_features.h"
#include "tests/harness/text_findings/chain_loss.h"
#include "tests/harness/text_findings/labelling_gold.h"
#include "tests/harness/text_findings/lbfgs.h"

namespace kvdiff::test {
namespace {

constexpr double ridge = 3e-3;
constexpr int steps = 120;
constexpr size_t fewest_tokens = 8;

struct Data {
  std::vector<Chain> chains;
  std::vector<std::string> token_names, start_names;
  Column mean, spread;  // of the features of tokens, before they were standardized
  ParameterPlaces places() const { return {token_names.size(), start_names.size()}; }
};

Data read(const std::vector<const LabelledText*>& texts, const GibberishRules& rules) {
  Data data;
  for (const LabelledText* one : texts) {
    if (one->text.tokens.size() < fewest_tokens) continue;
    LabellingFeatures features = labelling_features(one->text.generated(), rules);
    data.chains.push_back({std::move(features.token.columns), std::move(features.start.columns), gold_states(*one)});
    data.token_names = std::move(features.token.names);
    data.start_names = std::move(features.start.names);
  }
  return data;
}

// Mean 0 and spread 1, for the ridge to weigh all features alike; the first one is 1 everywhere, and stays so.
void standardize(Data& data) {
  data.mean.assign(data.token_names.size(), 0);
  data.spread.assign(data.token_names.size(), 1);
  for (size_t j = 1; j < data.mean.size(); ++j) {
    double count = 0, sum = 0, squares = 0;
    for (const Chain& chain : data.chains) {
      count += static_cast<double>(chain.allowed.size());
      sum += std::accumulate(chain.token[j].begin(), chain.token[j].end(), 0.0);
    }
    data.mean[j] = sum / count;
    for (Chain& chain : data.chains)
      for (double& value : chain.token[j]) value -= data.mean[j], squares += value * value;
    data.spread[j] = std::sqrt(squares / count) + 1e-6;
    for (Chain& chain : data.chains)
      for (double& value : chain.token[j]) value /= data.spread[j];
  }
}

// Every second chain from `first` on.
double loss_of_half(const Data& data, size_t first, const Column& parameters, Column& gradient) {
  double sum = 0;
  for (size_t i = first; i < data.chains.size(); i += 2) sum += chain_loss(data.chains[i], data.places(), parameters, gradient);
  return sum;
}

// The mean over texts, and the ridge. Always in two halves, whatever the machine: sums depend on how they are cut.
double loss(const Data& data, const Column& parameters, Column& gradient) {
  gradient.assign(parameters.size(), 0);
  Column other = gradient;
  double others = 0;
  std::thread thread([&] { others = loss_of_half(data, 1, parameters, other); });
  const double own = loss_of_half(data, 0, parameters, gradient);
  thread.join();
  const auto texts = static_cast<double>(data.chains.size());
  double squares = 0;
  for (size_t i = 0; i < parameters.size(); ++i) {
    gradient[i] = (gradient[i] + other[i]) / texts + ridge * parameters[i];
    squares += parameters[i] * parameters[i];
  }
  return (own + others) / texts + ridge * squares / 2;
}

// Of features as they are.
LabellingWeights unfolded(const Data& data, const Column& parameters) {
  const ParameterPlaces places = data.places();
  LabellingWeights weights;
  for (size_t j = 0; j < places.token; ++j) {
    const double salad = parameters[places.of_token(1, j)] / data.spread[j], stuck = parameters[places.of_token(2, j)] / data.spread[j];
    weights.token.push_back({data.token_names[j], salad, stuck});
    weights.token[0].salad -= data.mean[j] * salad;
    weights.token[0].stuck -= data.mean[j] * stuck;
  }
  for (size_t j = 0; j < places.start; ++j)
    weights.start.push_back({data.start_names[j], parameters[places.of_start(0, j)], parameters[places.of_start(1, j)],
                             parameters[places.of_start(2, j)]});
  weights.sound_behind_salad = parameters[places.of_step(0)];
  weights.sound_behind_stuck = parameters[places.of_step(1)];
  weights.salad_behind_stuck = parameters[places.of_step(2)];
  return weights;
}

}  // namespace

LabellingWeights fitted_labelling(const std::vector<const LabelledText*>& texts, const GibberishRules& rules) {
  Data data = read(texts, rules);
  standardize(data);
  const Objective objective = [&](const Column& place, Column& gradient) { return loss(data, place, gradient); };
  return unfolded(data, minimized(objective, Column(data.places().count(), 0), steps));
}

}  // namespace kvdiff::test
