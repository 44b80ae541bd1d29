#include <cmath>
#include <limits>
#include <map>

#include "cache_backends/device/array.h"
#include "cache_backends/error.h"
#include "cache_backends/kernels/simd.h"
#include "harness/metrics/recorder.h"
#include "tests/cache_backends/device/recorded_device.h"
#include "tests/cache_backends/device/test_device.h"
#include "tests/catch.h"
#include "tests/harness/metrics/measurements_text.h"
#include "tests/harness/metrics/observations.h"

// What is recorded of tensors in a device's memory is what is recorded of the same tensors on the host, to the last bit.
namespace kvdiff {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
constexpr float lowest = std::numeric_limits<float>::lowest(), tiny = std::numeric_limits<float>::denorm_min();

struct Drawn {
  Stage stage;
  int64_t rows, columns;
  test::Pair pair;
  int32_t followed_token = -1;
};

enum class Kind { plain, broken, zeros, ties, extremes, equal, constant };
constexpr Kind kinds[] = {Kind::plain, Kind::broken, Kind::zeros, Kind::ties, Kind::extremes, Kind::equal, Kind::constant};

float special(Kind kind, float value, int64_t turn) {
  switch (kind) {
    case Kind::broken: return turn % 5 == 0 ? nan : turn % 7 == 0 ? inf : turn % 11 == 0 ? -inf : value;
    case Kind::zeros: return turn % 2 == 0 ? 0.0f : -0.0f;
    case Kind::ties: return std::round(value);
    case Kind::extremes: return turn % 3 == 0 ? lowest : turn % 3 == 1 ? tiny * static_cast<float>(turn % 9) : -value * 1e30f;
    case Kind::constant: return lowest;
    case Kind::plain:
    case Kind::equal: break;
  }
  return value;
}

test::Pair pair_of(Kind kind, int64_t size, int64_t seed) {
  test::Pair pair = {test::tensor(size, seed), test::tensor(size, kind == Kind::equal ? seed : seed + 1)};
  for (int64_t i = 0; i < size; ++i) {
    const auto at = static_cast<size_t>(i);
    pair.reference[at] = special(kind, pair.reference[at], i * 7 + seed);
    pair.candidate[at] = special(kind, pair.candidate[at], i * 13 + 3 * seed + (kind == Kind::broken ? 1 : 0));
  }
  return pair;
}

// Each stage in its own shape, so that one recorder takes them all; a few columns are all-finite even where others are broken.
std::vector<Drawn> drawn(Kind kind, int64_t columns, int64_t seed) {
  std::vector<Drawn> all;
  for (const Stage stage : {Stage::key, Stage::value, Stage::key_read, Stage::value_read, Stage::attention_logits,
                            Stage::attention_probs, Stage::attention_output})
    all.push_back({stage, 3, columns, pair_of(kind, 3 * columns, ++seed)});
  all.push_back({Stage::hidden, 1, columns, pair_of(kind, columns, ++seed)});
  const auto followed = static_cast<int32_t>(seed % columns);
  all.push_back({Stage::logits, 1, columns, pair_of(kind, columns, ++seed), followed});
  for (Drawn& one : all)
    if (kind == Kind::broken && one.rows > 1)  // the middle row is whole
      for (int64_t i = one.columns; i < 2 * one.columns; ++i) {
        one.pair.reference[static_cast<size_t>(i)] = static_cast<float>(i % 17) - 8.0f;
        one.pair.candidate[static_cast<size_t>(i)] = static_cast<float>(i % 19) - 9.0f;
      }
  return all;
}

struct Step {
  int64_t step;
  std::vector<Drawn> observations;
};

Observation observation_of(const Drawn& one, int64_t step) {
  Observation seen = test::observe(one.stage, one.pair, one.rows);
  seen.lane = 1;
  seen.step = step;
  seen.followed_token = one.followed_token;
  return seen;
}

std::string recorded_on_host(const std::vector<Step>& steps, Simd simd) {
  const Simd before = active_simd();
  set_active_simd(simd);
  Recorder recorder({2, 1, 4});
  for (const Step& step : steps)
    for (const Drawn& one : step.observations) recorder.on(observation_of(one, step.step));
  set_active_simd(before);
  return test::text_of(recorder.take(1));
}

std::string recorded_on(device::Device& device, const std::vector<Step>& steps) {
  Recorder recorder({2, 1, 4});
  for (const Step& step : steps)
    for (const Drawn& one : step.observations) {
      const device::Array<float> reference(device, one.pair.reference), candidate(device, one.pair.candidate);
      Observation seen = observation_of(one, step.step);
      seen.reference = reference.span();
      seen.candidate = candidate.span();
      seen.device = &device;
      recorder.on(seen);
    }
  return test::text_of(recorder.take(1));
}

void check_same(device::Device& device, const std::vector<Step>& steps) {
  const std::string expected = recorded_on_host(steps, Simd::scalar);
  if (supported(Simd::avx2)) CHECK((recorded_on_host(steps, Simd::avx2) == expected));
  CHECK(recorded_on(device, steps) == expected);
}

}  // namespace

TEST_CASE("device rows: the same measurements, whole, as on the host", "[device][metrics]") {
  const auto device = test::test_device();
  for (const Kind kind : kinds)
    for (const int64_t columns : {1, 2, 7, 8, 9, 63, 64, 200, 512, 513, 1031, 2100}) {
      INFO("kind " << static_cast<int>(kind) << ", " << columns << " columns");
      check_same(*device, {{0, drawn(kind, columns, columns)}, {1, drawn(Kind::plain, columns, 100)}, {2, drawn(kind, columns, 7)}});
    }
}

TEST_CASE("device rows: a whole vocabulary", "[device][metrics]") {
  const auto device = test::test_device();
  for (const Kind kind : kinds) {
    INFO("kind " << static_cast<int>(kind));
    check_same(*device, {{0, {{Stage::logits, 1, 49152, pair_of(kind, 49152, 5), 49151}}},
                         {1, {{Stage::logits, 1, 49152, pair_of(Kind::plain, 49152, 9), 0}}}});
  }
}

TEST_CASE("device rows: an observer that wants whole tensors gets a copy", "[device][metrics]") {
  const auto device = test::test_device();
  const test::Pair pair = pair_of(Kind::plain, 96, 1);
  const device::Array<float> there(*device, pair.candidate);
  Observation seen = test::observe(Stage::key, pair, 3);
  CHECK(copy_of(seen, seen.reference) == pair.reference);
  seen.device = device.get();
  CHECK(copy_of(seen, there.span()) == pair.candidate);
}

TEST_CASE("device rows: a full batch comes over while the next one is made", "[device][metrics]") {
  test::RecordedDevice device(test::test_device());
  std::vector<Step> steps;
  for (int64_t step = 0; step < 12; ++step)  // 16 words a row: four of them are a batch
    steps.push_back({step, {{Stage::key, 1024, 3, pair_of(Kind::plain, 3 * 1024, step)}}});
  check_same(device, steps);
  using Did = test::RecordedDevice::Did;
  const std::map<Did, char> letters = {{Did::launch, 'l'}, {Did::start, 's'}, {Did::wait, 'w'}, {Did::copy_out, 'o'}};
  std::string order;
  for (const auto& event : device.events()) {
    if (event.did != Did::launch) CHECK(event.bytes == 4 * 1024 * 16 * 8);
    order += letters.at(event.did) + (event.copy > 0 ? std::to_string(event.copy) : "");
  }
  CHECK(order == "llll" "s1" "llll" "s2" "w1" "llll" "s3" "w2" "w3");
  CHECK(device.log().waits == 3);
}

TEST_CASE("device rows: few scalars of a row come back, and a followed token outside is our bug", "[device][metrics]") {
  const auto device = test::test_device();
  const std::vector<Step> steps = {{0, {{Stage::attention_logits, 9, 1500, pair_of(Kind::plain, 9 * 1500, 5)}}}};
  recorded_on(*device, steps);
  CHECK(device->log().bytes_out <= 9 * 200);
  const std::vector<Step> outside = {{0, {{Stage::logits, 1, 64, pair_of(Kind::plain, 64, 5), 64}}}};
  CHECK_THROWS_AS(recorded_on(*device, outside), InternalError);
}

}  // namespace kvdiff
