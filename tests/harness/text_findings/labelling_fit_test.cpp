// That what fits the labels (labelling_fit.h) is right itself.
#include <cmath>

#include "tests/catch.h"
#include "tests/harness/text_findings/chain_loss.h"
#include "tests/harness/text_findings/labelling_gold.h"
#include "tests/harness/text_findings/lbfgs.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

constexpr ParameterPlaces places{2, 2};

// Five tokens; the third may be salad or stuck, the last one anything.
Chain chain() {
  const auto wave = [](double a) { return column(5, [&](size_t i) { return std::sin(a * static_cast<double>(i + 1)); }); };
  Chain chain{{wave(1), wave(2)}, {wave(3), wave(4)}, {}};
  chain.allowed = {{true, false, false}, {true, true, false}, {false, true, true}, {false, false, true}, {true, true, true}};
  return chain;
}

std::vector<double> parameters() {
  std::vector<double> all;
  for (size_t i = 0; i < places.count(); ++i) all.push_back(std::cos(static_cast<double>(i)));
  return all;
}

double step_score(const Chain& one, const std::vector<double>& p, size_t token, size_t from, size_t to) {
  const auto features = [&](size_t kind) {
    return p[places.of_start(kind, 0)] * one.start[0][token] + p[places.of_start(kind, 1)] * one.start[1][token];
  };
  if (from == 0 && to > 0) return features(to - 1);
  if (from == 1 && to == 2) return features(2);
  if (from == 1 && to == 0) return p[places.of_step(0)];
  return from == 2 && to < 2 ? p[places.of_step(to + 1)] : 0;
}

// Over all sequences.
double loss_by_hand(const Chain& one, const std::vector<double>& p) {
  double any = 0, gold = 0;
  for (int number = 0; number < 243; ++number) {
    double score = 0;
    bool allowed = true;
    size_t before = 0;
    for (size_t i = 0, rest = static_cast<size_t>(number); i < 5; ++i, rest /= 3) {
      const size_t now = rest % 3;
      for (size_t j = 0; now > 0 && j < 2; ++j) score += p[places.of_token(now, j)] * one.token[j][i];
      score += step_score(one, p, i, before, now);
      allowed = allowed && one.allowed[i][now];
      before = now;
    }
    any += std::exp(score);
    gold += allowed ? std::exp(score) : 0;
  }
  return std::log(any) - std::log(gold);
}

}  // namespace

TEST_CASE("the loss of a chain is that over all its sequences, and so is its gradient", "[text_findings][labelling]") {
  const Chain one = chain();
  std::vector<double> p = parameters(), gradient(places.count(), 0), unused = gradient;
  CHECK(chain_loss(one, places, p, gradient) == Approx(loss_by_hand(one, p)).epsilon(1e-12));
  for (size_t i = 0; i < p.size(); ++i) {
    constexpr double little = 1e-5;
    const double middle = p[i];
    p[i] = middle + little;
    const double more = loss_by_hand(one, p);
    p[i] = middle - little;
    CHECK(gradient[i] == Approx((more - loss_by_hand(one, p)) / (2 * little)).margin(1e-8));
    p[i] = middle;
  }
}

TEST_CASE("L-BFGS finds the bottom of a valley", "[text_findings][labelling]") {
  const Objective valley = [](const std::vector<double>& x, std::vector<double>& gradient) {  // Rosenbrock's
    const double off = x[1] - x[0] * x[0];
    gradient = {-400 * x[0] * off - 2 * (1 - x[0]), 200 * off};
    return 100 * off * off + (1 - x[0]) * (1 - x[0]);
  };
  const std::vector<double> bottom = minimized(valley, {-1.2, 1}, 200);
  CHECK(bottom[0] == Approx(1).margin(1e-2));
  CHECK(bottom[1] == Approx(1).margin(1e-2));
}

TEST_CASE("what a reader's labels allow", "[text_findings][labelling]") {
  LabelledText text;
  text.text.tokens.assign(100, 0);
  using State = std::array<bool, 3>;
  const State sound = {true, false, false}, salad = {false, true, false}, stuck = {false, false, true}, any = {true, true, true};
  CHECK(gold_states(text) == std::vector<State>(100, sound));
  text.alone = {{{"word_salad", 10}}, {{"loop", 50}}};
  const std::vector<State> states = gold_states(text);
  CHECK(states[7] == sound);
  CHECK(states[8] == State{true, true, false});  // two sooner, two later
  CHECK(states[11] == State{true, true, false});
  CHECK(states[12] == salad);
  CHECK(states[33] == salad);
  CHECK(states[34] == any);
  CHECK(states[52] == stuck);
  CHECK(states[83] == stuck);
  CHECK(states[84] == any);
  text.alone = {{{"language_mix", 20}}};
  CHECK(gold_states(text)[19] == sound);
  CHECK(gold_states(text)[20] == any);
}
