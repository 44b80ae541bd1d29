#include <cmath>
#include <limits>
#include <vector>

#include "cache_backends/device/array.h"
#include "harness/run/sampling.h"
#include "tests/cache_backends/device/test_device.h"
#include "tests/catch.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/random.h"

using namespace kvdiff;

TEST_CASE("sampling: temperature 0 takes the largest logit, the lowest id wins ties, NaN never", "[sampling]") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(greedy_token(std::vector<float>{1, 3, 3, 2}) == 1);
  CHECK(greedy_token(std::vector<float>{nan, -5, nan, -4}) == 3);
  CHECK(greedy_token(std::vector<float>{nan, nan}) == 0);
}

TEST_CASE("sampling: on a device the same tokens as on the host", "[sampling][device]") {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const auto device = test::test_device();
  for (const int64_t vocabulary : {1, 2, 63, 300, 1000}) {
    std::vector<float> logits;
    const auto row = [&](auto value) {
      for (int64_t i = 0; i < vocabulary; ++i) logits.push_back(static_cast<float>(value(i)));
    };
    row([](int64_t i) { return static_cast<double>(i * 37 % 101); });  // ties
    row([&](int64_t) { return nan; });
    row([&](int64_t) { return -inf; });
    row([&](int64_t i) { return i % 3 == 0 ? nan : static_cast<float>(i * 29 % 53) - 90; });
    row([&](int64_t i) { return i % 7 == 5 ? inf : 1.0f; });
    row([](int64_t i) { return i % 2 == 0 ? -0.0 : 0.0; });
    const device::Array<float> there(*device, logits);
    const auto width = static_cast<size_t>(vocabulary);
    ThreadPool pool(2);
    for (const Sampling& sampling : {Sampling{0, 0, 1, 0}, Sampling{1.3, 0, 1, 2}, Sampling{1.3, 70, 1, 2}, Sampling{0.8, 40, 0.9, 3},
                                     Sampling{9, 0, 0.97, 4}, Sampling{0.01, 0, 0.5, 4}})
      for (int64_t step = 0; step < 3; ++step) {
        TokenChoices on_device(sampling, step, device.get()), on_host(sampling, step, nullptr);
        for (size_t i = 0; i < 6; ++i) {
          CHECK(on_device.add(there.span().subspan(i * width, width)) == i);
          CHECK(on_host.add(std::span(logits).subspan(i * width, width)) == i);
        }
        CHECK(on_device.add(there.span().subspan(2 * width, width)) == 2);
        on_device.start(pool);
        on_host.start(pool);
        for (size_t i = 0; i < 6; ++i) {
          const int32_t expected = choose_token(std::span(logits).subspan(i * width, width), sampling, step);
          CHECK(on_device.token(i) == expected);
          CHECK(on_host.token(i) == expected);
        }
      }
  }
}

TEST_CASE("sampling: the choice of many rows is one wait, and so is that of a large nucleus for each part of it", "[sampling][device]") {
  const auto device = test::test_device();
  ThreadPool pool(1);
  test::Random random(3);
  const device::Array<float> there(*device, random.normals(5 * 400));
  const auto waits = [&](const Sampling& sampling) {
    const int64_t before = device->log().waits;
    TokenChoices choices(sampling, 3, device.get());
    for (size_t i = 0; i < 5; ++i) choices.add(there.span().subspan(i * 400, 400));
    choices.start(pool);
    CHECK(device->log().waits == before);
    for (size_t i = 0; i < 5; ++i) choices.token(i);
    return device->log().waits - before;
  };
  CHECK(waits({}) == 1);
  CHECK(waits({1, 0, 1, 2}) == 1);
  CHECK(waits({1, 40, 0.9, 2}) == 1);
  CHECK(waits({1, 0, 0.3, 2}) == 1);
  CHECK(waits({50, 0, 0.9, 2}) == 1 + 5 * 2 * 2);  // 64 + 128 + 256 tokens: twice more, each after a look whether all is finite
}

TEST_CASE("sampling: frequencies follow softmax(logits / temperature)", "[sampling]") {
  const std::vector<float> logits = {0.0f, 1.0f, 2.0f, -1.0f};
  const Sampling sampling{1.0, 0, 1.0, 42};
  std::vector<int> counts(4);
  constexpr int draws = 20000;
  for (int step = 0; step < draws; ++step) ++counts[static_cast<size_t>(choose_token(logits, sampling, step))];
  double total = 0;
  for (const float logit : logits) total += std::exp(static_cast<double>(logit));
  for (size_t id = 0; id < 4; ++id) {
    const double expected = std::exp(static_cast<double>(logits[id])) / total;
    const double deviation = std::sqrt(expected * (1 - expected) / draws);
    CHECK(std::fabs(counts[id] / double{draws} - expected) < 5 * deviation);
  }
}

TEST_CASE("sampling: the noise belongs to (seed, step, token)", "[sampling]") {
  test::Random random(3);
  const std::vector<float> logits = random.normals(500);
  std::vector<int32_t> first, again, other;
  for (int step = 0; step < 50; ++step) {
    first.push_back(choose_token(logits, {1.0, 0, 1.0, 7}, step));
    again.push_back(choose_token(logits, {1.0, 0, 1.0, 7}, step));
    other.push_back(choose_token(logits, {1.0, 0, 1.0, 8}, step));
  }
  CHECK(first == again);
  CHECK(first != other);
}

TEST_CASE("sampling: top-k and top-p leave the likeliest tokens only", "[sampling]") {
  const std::vector<float> logits = {5.0f, 4.0f, 3.0f, 2.0f, 1.0f};
  for (int step = 0; step < 300; ++step) {
    CHECK(choose_token(logits, {5.0, 1, 1.0, 1}, step) == 0);
    CHECK(choose_token(logits, {5.0, 2, 1.0, 1}, step) <= 1);
    CHECK(choose_token(logits, {1.0, 0, 0.6, 1}, step) == 0);  // 0.636 of the mass
    CHECK(choose_token(logits, {1.0, 0, 0.65, 1}, step) <= 1);
  }
}

TEST_CASE("sampling: lanes with equal logits sample equal tokens, and a control stays a control", "[sampling][lockstep]") {
  test::TinyEngine tiny;
  LockstepInput input = test::lockstep_of({"full", "hqq:bits=2,group=16"});
  input.sampling = {0.9, 50, 0.95, 11};
  const LockstepResult result = run_lockstep(tiny.engine(), input, {});
  CHECK(result.lanes[2].free_tokens == result.lanes[0].free_tokens);
  CHECK(result.lanes[1].free_tokens == result.lanes[0].free_tokens);
  CHECK_FALSE(result.control.found);
  const LockstepInput greedy = test::lockstep_of({"full"});
  CHECK(run_lockstep(tiny.engine(), greedy, {}).lanes[0].free_tokens != result.lanes[0].free_tokens);
}
