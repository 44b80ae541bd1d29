// What is forecast of the peer against its live answers, recorded by make_peer_forecast_fixtures.py.
#include "cache_backends/peer_forecast.h"

#include <nlohmann/json.hpp>

#include "cache_backends/error.h"
#include "cache_backends/peer_operations.h"
#include "tests/cache_backends/json_fixture.h"
#include "tests/cache_backends/oracle.h"
#include "tests/catch.h"
#include "tests/support/messages.h"

using namespace kvdiff;

namespace {

using Json = nlohmann::json;

PeerStep step_of(const Json& step) {
  if (step.is_number()) return {PeerStep::Kind::append, step};
  if (step == "deepcopy") return {PeerStep::Kind::deep_copy, 0};
  if (step == "copy") return {PeerStep::Kind::shallow_copy, 0};
  return {PeerStep::Kind::crop, step["crop"]};
}

PeerForecast forecast_of(const Json& recorded) {
  const Json& sizes = recorded["shape"];
  PeerQuestion question{parse_cache_spec(recorded["spec"].get<std::string>()), {1, sizes[0], sizes[1], sizes[3], Dtype::float32},
                        {}, recorded["gradients"]};
  for (const Json& step : recorded["steps"]) question.steps.push_back(step_of(step));
  return forecast_peer(question);
}

void check_event(const PeerEvent& event, const Json& live) {
  CHECK(name_of(event.call) == live["call"]);
  CHECK(event.step == live["step"]);
  CHECK(event.failure.verdict.raises == live["raises"]);
  CHECK(event.failure.verdict.silently_wrong == live["wrong"]);
  if (!live["raises"]) return;
  CHECK(event.failure.verdict.exception == live["type"]);
  CHECK(event.failure.verdict.message == live["message"]);
}

std::optional<int64_t> number(const Json& config, const char* name) {
  return config.contains(name) ? std::optional<int64_t>(config[name]) : std::nullopt;
}

void check_verdict(const PeerVerdict& verdict, const Json& live) {
  REQUIRE(verdict.raises == !live.is_null());
  if (live.is_null()) return;
  CHECK(verdict.exception == live["type"]);
  CHECK(verdict.message == live["message"]);
}

void check_config(const Json& recorded) {
  const Json &config = recorded["config"], &sizes = recorded["shape"];
  const PeerConfig asked{config["backend"], number(config, "nbits"), number(config, "axis_key"),
                         number(config, "axis_value"), number(config, "q_group_size"), number(config, "residual_length")};
  check_verdict(constructor_verdict(asked), recorded["constructor"]);
  if (recorded["constructor"].is_null())
    check_verdict(group_verdict(asked, {sizes[0], sizes[1], sizes[2], sizes[3]}), recorded["first"]);
}

PeerForecast forecast(const char* spec, std::vector<int64_t> pieces, int64_t tokens) {
  return forecast_peer({parse_cache_spec(spec), {2, 1, 3, 64, Dtype::float16}, peer_steps(pieces, tokens)});
}

}  // namespace

TEST_CASE("the peer's failures are forecast as the peer has them", "[forecast][golden]") {
  const Json document = kvdiff::test::read_json_fixture("peer_forecast.json");
  int64_t raising = 0;
  for (const Json& recorded : document["cases"]) {
    INFO(recorded);
    if (recorded.contains("config")) {
      check_config(recorded);
      continue;
    }
    const std::vector<PeerEvent> events = forecast_of(recorded).events;
    REQUIRE(events.size() == recorded["events"].size());
    for (size_t i = 0; i < events.size(); ++i) check_event(events[i], recorded["events"][i]);
    raising += !events.empty() && events.back().failure.verdict.raises;
  }
  CHECK(raising > 80);
}

TEST_CASE("a forecast says the same as the receipt of the run", "[forecast]") {
  for (const char* spec : {"hqq:axis=1,residual=4", "hqq:bits=2,axis=1,residual=3", "hqq:bits=1,axis=1,residual=5",
                           "k=hqq:axis=1,residual=2/v=full", "hqq:bits=3,axis=1,residual=4"}) {
    const test::Stream stream = test::make_stream({2, 1, 3, 64, Dtype::float16}, 24, 7);
    for (const int64_t prompt : {1, 4, 7, 8}) {
      INFO(spec << ", prompt " << prompt);
      const auto cache = make_cache(parse_cache_spec(spec), stream.shape);
      test::feed(*cache, stream, 0, prompt);
      for (int64_t token = prompt; token < 24; ++token) test::feed(*cache, stream, token, 1);
      const std::vector<PeerFailure> receipt = cache->receipt().peer_failures;
      const std::vector<PeerEvent> events = forecast(spec, {prompt}, 24 - prompt).events;
      REQUIRE(events.empty() == receipt.empty());
      if (!events.empty()) CHECK(text_of(events.front()) == text_of(receipt.front()));
    }
  }
}

TEST_CASE("schedules and codecs without a peer: nothing is forecast", "[forecast]") {
  for (const char* spec : {"full", "int8", "hqq:axis=1,schedule=immediate", "hqq:axis=1,schedule=streaming", "int8:schedule=hf"}) {
    INFO(spec);
    CHECK(forecast(spec, {7}, 9).peer.empty());
    CHECK(forecast(spec, {7}, 9).events.empty());
  }
  CHECK(forecast("hqq", {7}, 9).peer == "transformers 5.23 with hqq 0.2.8.post1");
  CHECK(forecast("hqq", {7}, 9).events.empty());
}

TEST_CASE("the texts of a forecast", "[forecast]") {
  CHECK(text_of(forecast("hqq:axis=1", {7}, 2).events.at(0)) ==
        "transformers would have raised here, at the prefill: layer 0, keys, encoded at the prefill: RuntimeError: The size of "
        "tensor a (10) must match the size of tensor b (11) at non-singleton dimension 0");
  CHECK(test::contains(text_of(forecast("hqq:axis=1,bits=1", {7}, 2).events.at(0)), {"at update 1", "encoded at the prefill"}));
}

TEST_CASE("operations under an older schedule are not forecast", "[forecast]") {
  const PeerQuestion question{parse_cache_spec("hqq:schedule=hf-5.15"), {1, 1, 3, 64, Dtype::float16},
                              {{PeerStep::Kind::append, 8}, {PeerStep::Kind::crop, -1}}};
  CHECK(test::contains(test::user_error([&] { forecast_peer(question); }), {"hf-5.15", "expected schedule=hf"}));
}
