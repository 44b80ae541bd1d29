#include "harness/metrics/recorder.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <thread>

#include "cache_backends/error.h"
#include "harness/metrics/registry.h"
#include "tests/catch.h"
#include "tests/harness/metrics/observations.h"

using namespace kvdiff;
using test::Pair;

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr int layers = 3, lanes = 4, vocabulary = 100;

struct Case {
  Stage stage;
  int64_t rows, columns;
};
constexpr Case layer_stages[] = {{Stage::key, 2, 16},      {Stage::value, 2, 16},
                                 {Stage::attention_logits, 4, 21}, {Stage::attention_probs, 4, 21},
                                 {Stage::attention_output, 4, 16}, {Stage::hidden, 1, 64}};

Pair pair_of(const Case& one, LaneId lane, int64_t step, int layer) {
  const int64_t place = (step * layers + layer) * stage_count + static_cast<int64_t>(one.stage);
  return {test::tensor(one.rows * one.columns, place), test::tensor(one.rows * one.columns, place + 1000 * lane)};
}

void on(Recorder& recorder, const Case& one, LaneId lane, Mode mode, int64_t step, int layer) {
  const Pair pair = pair_of(one, lane, step, layer);
  Observation observation = test::observe(one.stage, pair, one.rows);
  observation.lane = lane;
  observation.mode = mode;
  observation.step = step;
  observation.layer = layer;
  if (one.stage == Stage::logits) observation.followed_token = static_cast<int32_t>(step % vocabulary);
  recorder.on(observation);
}

void run_lane(Recorder& recorder, LaneId lane, Mode mode, int64_t steps) {
  for (int64_t step = 0; step < steps; ++step) {
    for (int layer = 0; layer < layers; ++layer)
      for (const Case& one : layer_stages) on(recorder, one, lane, mode, step, layer);
    on(recorder, {Stage::logits, 1, vocabulary}, lane, mode, step, -1);
  }
}

bool same_bits(const Totals& a, const Totals& b) {
  return a.compared == b.compared && a.difference_squared == b.difference_squared && a.product == b.product &&
         a.attention_kl == b.attention_kl && a.mass_moved == b.mass_moved && a.max_abs == b.max_abs &&
         a.max_abs_place.step == b.max_abs_place.step && a.max_abs_place.index == b.max_abs_place.index;
}

void check_same(const ModeMeasurements& a, const ModeMeasurements& b) {
  for (int i = 0; i < stage_count; ++i) {
    const StageMeasurements &left = a.stages[static_cast<size_t>(i)], &right = b.stages[static_cast<size_t>(i)];
    REQUIRE(left.totals.size() == right.totals.size());
    for (size_t j = 0; j < left.totals.size(); ++j) CHECK(same_bits(left.totals[j], right.totals[j]));
    CHECK(relative_l2_by_step(left) == relative_l2_by_step(right));
  }
  REQUIRE(a.vocabulary.size() == b.vocabulary.size());
  for (size_t i = 0; i < a.vocabulary.size(); ++i) {
    CHECK(a.vocabulary[i].kld == b.vocabulary[i].kld);
    CHECK(a.vocabulary[i].candidate_logprob == b.vocabulary[i].candidate_logprob);
  }
  REQUIRE(a.heat_maps.size() == b.heat_maps.size());
  for (size_t i = 0; i < a.heat_maps.size(); ++i) CHECK(a.heat_maps[i].relative_l2 == b.heat_maps[i].relative_l2);
}

Observation key_at(const Pair& pair, LaneId lane, int64_t step, int layer) {
  Observation observation = test::observe(Stage::key, pair, 2);
  observation.lane = lane;
  observation.step = step;
  observation.layer = layer;
  return observation;
}

}  // namespace

TEST_CASE("two threads give the bits of one", "[metrics][recorder][threads]") {
  Recorder alone({lanes, layers, 4}), together({lanes, layers, 4});
  for (LaneId lane = 1; lane < lanes; ++lane)
    for (const Mode mode : {Mode::local, Mode::forced}) run_lane(alone, lane, mode, 6);  // more steps than expected
  std::thread first([&] { for (LaneId lane = lanes - 1; lane > 0; --lane) run_lane(together, lane, Mode::local, 6); });
  std::thread second([&] { for (LaneId lane = 1; lane < lanes; ++lane) run_lane(together, lane, Mode::forced, 6); });
  first.join();
  second.join();
  for (LaneId lane = 1; lane < lanes; ++lane) {
    const LaneMeasurements a = alone.take(lane), b = together.take(lane);
    REQUIRE(a.modes.size() == 2);
    REQUIRE(b.modes.size() == 2);
    for (size_t i = 0; i < a.modes.size(); ++i) check_same(a.modes[i], b.modes[i]);
  }
}

TEST_CASE("shapes of what is kept, and a lane that equals the reference", "[metrics][recorder]") {
  Recorder recorder({2, layers, 5});
  run_lane(recorder, 0, Mode::forced, 5);  // lane 0's candidate tensors are the reference's
  run_lane(recorder, 1, Mode::forced, 5);
  const LaneMeasurements same = recorder.take(0), other = recorder.take(1);
  CHECK(same.find(Mode::local) == nullptr);
  const ModeMeasurements& forced = *other.find(Mode::forced);
  CHECK(forced.steps == 5);
  CHECK(forced.at(Stage::attention_logits).totals.size() == layers * 4);
  CHECK(forced.at(Stage::attention_logits).by_step.size() == 5);
  CHECK(forced.at(Stage::attention_logits).by_step[2].attention_rows == layers * 4);
  CHECK(forced.at(Stage::logits).totals.size() == 1);
  CHECK(forced.vocabulary.size() == 5);
  REQUIRE(forced.heat_maps.size() == 4);
  CHECK(forced.heat_maps[0].relative_l2.size() == 5 * layers);

  for (const StageMeasurements& stage : same.find(Mode::forced)->stages) {
    if (!stage.measured) continue;
    CHECK(stage_totals(stage).difference_squared == 0);
    CHECK(stage_totals(stage).compared > 0);
  }
  for (const VocabularyStep& step : same.find(Mode::forced)->vocabulary) CHECK(step.kld == 0);
  CHECK(*figure_of(*find_metric("relative_l2"), forced, Stage::key).value > 0);
}

TEST_CASE("totals by layer, head and step add up to the same whole", "[metrics][recorder]") {
  Recorder recorder({2, layers, 5});
  run_lane(recorder, 1, Mode::forced, 5);
  const LaneMeasurements lane = recorder.take(1);
  const StageMeasurements& keys = lane.find(Mode::forced)->at(Stage::key);
  double by_layer = 0, by_step = 0;
  int64_t compared = 0;
  for (int layer = 0; layer < layers; ++layer) by_layer += layer_totals(keys, layer).difference_squared;
  for (const StepTotals& step : keys.by_step) {
    by_step += step.difference_squared;
    compared += step.compared;
  }
  const Totals all = stage_totals(keys);
  CHECK(by_layer == Approx(all.difference_squared).epsilon(1e-12));
  CHECK(by_step == Approx(all.difference_squared).epsilon(1e-12));
  CHECK(compared == all.compared);
  CHECK(all.compared == 5 * layers * 32);
}

TEST_CASE("the largest difference is placed", "[metrics][recorder]") {
  Recorder recorder({3, layers, 10});
  Pair pair = {std::vector<float>(32, 1.0f), std::vector<float>(32, 1.0f)};
  recorder.on(key_at(pair, 2, 0, 1));
  pair.candidate[16 + 5] = -2;
  recorder.on(key_at(pair, 2, 7, 1));
  pair.candidate[16 + 5] = 4;  // as large again: the first place stays
  recorder.on(key_at(pair, 2, 8, 2));
  const LaneMeasurements lane = recorder.take(2);
  const Totals all = stage_totals(lane.find(Mode::forced)->at(Stage::key));
  CHECK(all.max_abs == 3);
  CHECK(all.max_abs_place.step == 7);
  CHECK(all.max_abs_place.layer == 1);
  CHECK(all.max_abs_place.head == 1);
  CHECK(all.max_abs_place.index == 5);
  const std::vector<StepTotals>& by_step = lane.find(Mode::forced)->at(Stage::key).by_step;
  CHECK(by_step[0].max_abs == 0);
  CHECK(by_step[7].max_abs == 3);
}

TEST_CASE("NaN is named with its place, and whose it is", "[metrics][recorder][not_finite]") {
  Recorder recorder({3, layers, 10});
  Pair pair = {std::vector<float>(32, 1.0f), std::vector<float>(32, 1.0f)};
  recorder.on(key_at(pair, 1, 0, 0));
  CHECK_FALSE(recorder.first_not_finite());
  pair.candidate[16 + 3] = not_a_number;
  recorder.on(key_at(pair, 2, 4, 2));
  pair.reference[1] = -std::numeric_limits<float>::infinity();
  recorder.on(key_at(pair, 1, 4, 1));

  const NotFinite first = *recorder.first_not_finite();
  CHECK(describe(first) == "lane 1, forced, step 4, layer 1, key, head 0, index 1: -infinity in the reference");
  CHECK(first.in_reference);
  CHECK(recorder.first_not_finite_reference()->lane == 1);
  const LaneMeasurements lane = recorder.take(2);
  const ModeMeasurements& forced = *lane.find(Mode::forced);
  CHECK(describe(*forced.first_not_finite) == "lane 2, forced, step 4, layer 2, key, head 1, index 3: NaN in the candidate");
  CHECK(forced.not_finite == 1);
  CHECK_FALSE(forced.first_not_finite_reference);
}

TEST_CASE("a step with broken logits has no KLD, and the others keep theirs", "[metrics][recorder][not_finite]") {
  Recorder recorder({2, layers, 10});
  Pair pair = {test::tensor(vocabulary, 1), test::tensor(vocabulary, 2)};
  Observation observation = test::observe(Stage::logits, pair);
  observation.lane = 1;
  recorder.on(observation);
  pair.candidate[50] = not_a_number;
  observation.step = 1;
  recorder.on(observation);
  const std::vector<double> floors = {0, 0};
  const LaneMeasurements lane = recorder.take(1, floors);
  const ModeMeasurements& forced = *lane.find(Mode::forced);
  REQUIRE(forced.vocabulary.size() == 2);
  CHECK(forced.vocabulary[1].near_tie == NearTie::unknown);
  CHECK(forced.vocabulary[0].finite);
  CHECK_FALSE(forced.vocabulary[1].finite);
  CHECK(*find_metric("kld_mean")->measure({Totals{}, forced.vocabulary}).value == forced.vocabulary[0].kld);
  CHECK(describe(*forced.first_not_finite) == "lane 1, forced, step 1, logits, index 50: NaN in the candidate");
}

TEST_CASE("near-ties are decided by the floor of their step", "[metrics][recorder]") {
  Recorder recorder({2, layers, 3});
  const Pair pair = {{1, 1.5f, 0}, {1, 2, 0}};
  Observation observation = test::observe(Stage::logits, pair);
  observation.lane = 1;
  for (observation.step = 0; observation.step < 4; ++observation.step) recorder.on(observation);
  const std::vector<double> floors = {0.25, 0.2, std::nan("")};
  const LaneMeasurements lane = recorder.take(1, floors);
  const std::vector<VocabularyStep>& steps = lane.find(Mode::forced)->vocabulary;
  CHECK(steps[0].near_tie == NearTie::yes);
  CHECK(steps[1].near_tie == NearTie::no);
  CHECK(steps[2].near_tie == NearTie::unknown);
  CHECK(steps[3].near_tie == NearTie::unknown);
}

TEST_CASE("what was not measured is listed with its reason", "[metrics][recorder]") {
  Recorder recorder({3, layers, 3});
  recorder.not_measured(Mode::local, Stage::logits, "local ends at the attention output");
  recorder.not_measured(2, Mode::local, Stage::key_read, "this cache never flushed");
  for (const LaneId lane : {1, 2}) on(recorder, {Stage::key, 2, 16}, lane, Mode::local, 0, 0);
  const LaneMeasurements first = recorder.take(1), second = recorder.take(2);
  CHECK(first.modes[0].at(Stage::key).reason.empty());
  CHECK(first.modes[0].at(Stage::logits).reason == "local ends at the attention output");
  CHECK(first.modes[0].at(Stage::key_read).reason == "not observed");
  CHECK(second.modes[0].at(Stage::key_read).reason == "this cache never flushed");
  CHECK_FALSE(second.modes[0].at(Stage::key_read).measured);
}

TEST_CASE("histories are kept flush by flush", "[metrics][recorder]") {
  Recorder recorder({2, layers, 300});
  for (const int64_t step : {1, 129}) {
    on(recorder, {Stage::key_read, 2, 16 * step}, 1, Mode::local, step, 2);
    on(recorder, {Stage::value_read, 2, 16 * step}, 1, Mode::local, step, 2);
  }
  const LaneMeasurements lane = recorder.take(1);
  const std::vector<HistoryError>& histories = lane.modes[0].histories;
  REQUIRE(histories.size() == 4);
  CHECK(histories[2].stage == Stage::key_read);
  CHECK(histories[2].step == 129);
  CHECK(histories[2].layer == 2);
  CHECK(histories[2].columns == 16 * 129);
  CHECK(histories[2].relative_l2 > 0);
  CHECK(std::isnan(relative_l2_by_step(lane.modes[0].at(Stage::key_read))[0]));
}

TEST_CASE("an observation that does not fit is our bug", "[metrics][recorder]") {
  Recorder recorder({2, layers, 3});
  const Pair pair = {std::vector<float>(32, 1.0f), std::vector<float>(32, 1.0f)};
  CHECK_THROWS_AS(recorder.on(key_at(pair, 2, 0, 0)), InternalError);
  CHECK_THROWS_AS(recorder.on(key_at(pair, 1, 0, layers)), InternalError);
  CHECK_THROWS_AS(recorder.on(key_at(pair, 1, -1, 0)), InternalError);
  recorder.on(key_at(pair, 1, 0, 0));
  Observation other = key_at(pair, 1, 1, 0);
  other.rows = 4;
  other.columns = 8;
  CHECK_THROWS_AS(recorder.on(other), InternalError);
  other.columns = 9;
  CHECK_THROWS_AS(recorder.on(other), InternalError);
}

TEST_CASE("modes and stages have names", "[metrics][recorder]") {
  CHECK(name_of(Mode::forced) == "forced");
  CHECK(name_of(Stage::attention_probs) == "attention_probs");
  CHECK(name_of(Stage::logits) == "logits");
}
