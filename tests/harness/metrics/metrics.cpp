#include "harness/metrics/registry.h"

#include <cmath>
#include <limits>
#include <set>

#include "harness/metrics/lane_recorder.h"
#include "tests/catch.h"
#include "tests/harness/metrics/observations.h"

using namespace kvdiff;
using test::Pair;

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

ModeMeasurements record(Stage stage, const Pair& pair, int64_t rows = 1) {
  ReferenceSoftmax reference(1);
  LaneRecorder recorder(Mode::forced, 1, 1, reference);
  recorder.on(test::observe(stage, pair, rows));
  return recorder.measured();
}

Figure figure(const char* name, Stage stage, const Pair& pair, int64_t rows = 1) {
  return figure_of(*find_metric(name), record(stage, pair, rows), stage);
}

double value(const char* name, Stage stage, const Pair& pair, int64_t rows = 1) {
  const Figure found = figure(name, stage, pair, rows);
  INFO(name << ": " << found.reason);
  REQUIRE(found.value);
  return *found.value;
}

// 100 values of 1; `changed` of them moved by `by`.
Pair moved(int changed, float by) {
  Pair pair = {std::vector<float>(100, 1.0f), std::vector<float>(100, 1.0f)};
  for (int i = 0; i < changed; ++i) pair.candidate[static_cast<size_t>(i)] += by;
  return pair;
}

}  // namespace

TEST_CASE("each metric has its own name, at least one stage and words", "[metrics][registry]") {
  std::set<std::string_view> names;
  for (const Metric& metric : metrics()) {
    INFO(metric.name);
    CHECK(names.insert(metric.name).second);
    CHECK(metric.stages != 0);
    CHECK_FALSE(metric.unit.empty());
    CHECK_FALSE(metric.summary.empty());
    CHECK_FALSE(metric.derivation.empty());
    CHECK(find_metric(metric.name) == &metric);
  }
  CHECK(find_metric("no_such_metric") == nullptr);
  CHECK(figures(Stage::key, {Totals{}, {}}).size() < figures(Stage::attention_logits, {Totals{}, {}}).size());
}

TEST_CASE("every metric of a stage that saw nothing finite says so", "[metrics][registry]") {
  for (int i = 0; i < stage_count; ++i)
    for (const NamedFigure& named : figures(static_cast<Stage>(i), {Totals{}, {}})) {
      if (named.metric->name == "not_finite") continue;
      INFO(named.metric->name);
      CHECK_FALSE(named.figure.value);
      CHECK_FALSE(named.figure.reason.empty());
    }
}

TEST_CASE("few large differences against many small ones", "[metrics][pair]") {
  const Pair few = moved(1, 1.0f), many = moved(100, 0.125f);
  CHECK(value("max_abs", Stage::key, few) == 1);
  CHECK(value("max_abs", Stage::key, many) == 0.125);
  CHECK(value("relative_l2", Stage::key, few) == Approx(0.1).epsilon(1e-15));
  CHECK(value("relative_l2", Stage::key, many) == 0.125);
  CHECK(value("sqnr", Stage::key, few) == Approx(20).epsilon(1e-14));
  CHECK(value("sqnr", Stage::key, many) == Approx(20 * std::log10(8.0)).epsilon(1e-14));
  // A common scale does not turn the vector; one element out of a hundred does.
  CHECK(value("cosine", Stage::key, many) == 1);
  CHECK(value("cosine", Stage::key, few) == Approx(101 / std::sqrt(100.0 * 103)).epsilon(1e-15));
  CHECK(value("attention_logit_mean_abs", Stage::attention_logits, few) == Approx(0.01).epsilon(1e-15));
  CHECK(value("attention_logit_mean_abs", Stage::attention_logits, many) == 0.125);
  CHECK(value("attention_logit_rms", Stage::attention_logits, few) == Approx(0.1).epsilon(1e-15));
  CHECK(value("attention_logit_max", Stage::attention_logits, few) == 1);
}

TEST_CASE("sign flips count strict changes of sign", "[metrics][pair]") {
  const Pair pair = {{1, -1, 0, 2, -3, 0}, {-1, 1, 5, 2, -4, -0.0f}};
  CHECK(value("sign_flips", Stage::value, pair) == 2);
  CHECK(value("sign_flip_share", Stage::value, pair) == Approx(1.0 / 3).epsilon(1e-15));
}

TEST_CASE("a pair without a difference gives exactly 0, and no decibels", "[metrics][pair]") {
  const std::vector<float> same = test::tensor(9 * 64, 5);
  const Pair pair = {same, same};
  for (const char* name : {"relative_l2", "max_abs", "sign_flips", "sign_flip_share", "not_finite"})
    CHECK(value(name, Stage::attention_logits, pair, 9) == 0);
  CHECK(value("cosine", Stage::attention_logits, pair, 9) == 1);
  CHECK(value("attention_kl", Stage::attention_logits, pair, 9) == 0);
  CHECK(value("attention_mass_moved", Stage::attention_probs, pair, 9) == 0);
  CHECK(value("kld_max", Stage::logits, pair) == 0);
  CHECK_FALSE(figure("sqnr", Stage::key, pair).value);
  CHECK(figure("sqnr", Stage::key, pair).reason == "no error");
  CHECK_FALSE(record(Stage::key, pair).at(Stage::key).totals[0].max_abs_place.known());
}

TEST_CASE("a reference of zeros has no relative error unless there is none", "[metrics][pair]") {
  const Pair wrong = {{0, 0}, {1, 0}}, right = {{0, 0}, {0, 0}};
  CHECK(figure("relative_l2", Stage::hidden, wrong).reason == "the reference is zero everywhere");
  CHECK(figure("sqnr", Stage::hidden, wrong).reason == "the reference is zero everywhere");
  CHECK(figure("cosine", Stage::hidden, wrong).reason == "a side is zero everywhere");
  CHECK(value("relative_l2", Stage::hidden, right) == 0);
  CHECK(figure("sqnr", Stage::hidden, right).reason == "no error");
}

TEST_CASE("NaN and infinity are counted and left out of every sum", "[metrics][not_finite]") {
  const Pair broken = {{1, 2, infinity, 4, 5}, {1, not_a_number, 3, 4.5f, -infinity}}, left = {{1, 4}, {1, 4.5f}};
  CHECK(value("not_finite", Stage::hidden, broken) == 2);
  for (const char* name : {"relative_l2", "sqnr", "max_abs", "cosine", "sign_flips", "sign_flip_share"})
    CHECK(value(name, Stage::hidden, broken) == value(name, Stage::hidden, left));
  const Totals totals = record(Stage::hidden, broken).at(Stage::hidden).totals[0];
  CHECK(totals.compared == 2);
  CHECK(totals.not_finite_reference == 1);
  CHECK(totals.max_abs_place.index == 3);

  const Pair all = {{1, 2}, {not_a_number, not_a_number}};
  CHECK(figure("relative_l2", Stage::hidden, all).reason == "nothing finite was compared");
  CHECK(figure("attention_kl", Stage::attention_logits, all).reason == "no attention row was finite on both sides");
  CHECK(figure("kld_mean", Stage::logits, all).reason == "no step has finite logits on both sides");
}

TEST_CASE("KL of attention is that of the softmax, row by row", "[metrics][attention]") {
  // Two keys: probabilities 3/4 and 1/4 against 1/2 and 1/2; a shift of all scores of a row changes nothing.
  const float log3 = std::log(3.0f);
  const Pair pair = {{log3, 0, 7 + log3, 7}, {5, 5, 7 + log3, 7}};
  const double expected = 0.75 * std::log(1.5) + 0.25 * std::log(0.5);
  CHECK(value("attention_kl", Stage::attention_logits, pair, 2) == Approx(expected / 2).epsilon(1e-6));
  const Pair shifted = {{0.5f, 1.5f, -1}, {100.5f, 101.5f, 99}};
  CHECK(value("attention_kl", Stage::attention_logits, shifted) == 0);
}

TEST_CASE("a tiny KL keeps its size", "[metrics][attention]") {
  // For a small shift e of one of two equal scores KL = e^2 / 8 + O(e^4): far below what float32 probabilities can show.
  const float e = 0x1p-17f;
  const Pair pair = {{0, 0}, {0, e}};
  CHECK(value("attention_kl", Stage::attention_logits, pair) == Approx(double(e) * double(e) / 8).epsilon(1e-4));
}

TEST_CASE("mass moved is the total variation, the sink is the first key", "[metrics][attention]") {
  const Pair pair = {{0.5f, 0.25f, 0.25f, 1, 0, 0}, {0.25f, 0.25f, 0.5f, 0, 0, 1}};
  CHECK(value("attention_mass_moved", Stage::attention_probs, pair, 2) == (0.25 + 1) / 2);
  CHECK(value("attention_mass_moved_max", Stage::attention_probs, pair, 2) == 1);
  CHECK(value("sink_mass_reference", Stage::attention_probs, pair, 2) == (0.5 + 1) / 2);
  CHECK(value("sink_mass_moved", Stage::attention_probs, pair, 2) == (0.25 + 1) / 2);
  CHECK(value("sink_mass_change", Stage::attention_probs, pair, 2) == -(0.25 + 1) / 2);
}

TEST_CASE("what was not measured, or is not defined, has a reason", "[metrics][registry]") {
  ModeMeasurements measured = record(Stage::key, moved(1, 1));
  measured.stages[static_cast<size_t>(Stage::logits)].reason = "ends at the attention output";
  CHECK(figure_of(*find_metric("kld_mean"), measured, Stage::logits).reason ==
        "not measured: ends at the attention output");
  CHECK(figure_of(*find_metric("kld_mean"), measured, Stage::key).reason == "not defined for key");
}
