#include "harness/model/files/rope_fields.h"

#include "tests/catch.h"
#include "tests/support/expect_error.h"

using namespace kvdiff;
using nlohmann::json;

namespace {

ModelConfig parse_with(const json& changes) {
  json config = json::parse(R"({"model_type": "llama", "vocab_size": 320, "hidden_size": 64, "intermediate_size": 64,
    "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 4096, "rms_norm_eps": 1e-05})");
  config.update(changes);
  return parse_model_config(config.dump(), "config.json");
}

template <class... Parts>
void check_bad(const json& changes, const Parts&... parts) {
  INFO(changes.dump());
  test::check_refused([&] { parse_with(changes); }, parts...);
}

const json llama3 = {{"rope_type", "llama3"},
                     {"factor", 8.0},
                     {"low_freq_factor", 1.0},
                     {"high_freq_factor", 4.0},
                     {"original_max_position_embeddings", 1024}};

json with(json object, const json& changes) {
  object.update(changes);
  return object;
}

}  // namespace

TEST_CASE("rope: old and new spelling read alike", "[modelfiles][config]") {
  const RopeConfig old = parse_with({{"rope_theta", 500000.0}, {"rope_scaling", llama3}}).rope;
  const RopeConfig modern = parse_with({{"rope_parameters", with(llama3, {{"rope_theta", 500000.0}})}}).rope;
  for (const RopeConfig& rope : {old, modern}) {
    CHECK(rope.type == RopeType::llama3);
    CHECK(rope.theta == 500000.0);
    CHECK(rope.factor == 8.0);
    CHECK(rope.low_freq_factor == 1.0);
    CHECK(rope.high_freq_factor == 4.0);
    CHECK(rope.original_max_positions == 1024);
  }
  CHECK(parse_with({{"rope_scaling", {{"type", "linear"}, {"factor", 2}}}}).rope.type == RopeType::linear);
  CHECK(parse_with({{"rope_scaling", {{"type", "linear"}, {"rope_type", "linear"}, {"factor", 2}}}}).rope.factor ==
        2.0);
  CHECK(parse_with({{"rope_parameters", {{"rope_type", "default"}, {"rope_theta", 7e5}}}}).rope.theta == 7e5);
}

TEST_CASE("rope: every parameter of yarn and dynamic", "[modelfiles][config]") {
  const RopeConfig yarn =
      parse_with({{"rope_parameters", json::parse(R"({"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0,
    "original_max_position_embeddings": 1024, "attention_factor": 1.2, "beta_fast": 16, "beta_slow": 2, "mscale": 0.7,
    "mscale_all_dim": 1.0, "truncate": false, "partial_rotary_factor": 1.0})")}})
          .rope;
  CHECK(yarn.type == RopeType::yarn);
  CHECK(yarn.attention_factor == 1.2);
  CHECK(yarn.beta_fast == 16.0);
  CHECK(yarn.beta_slow == 2.0);
  CHECK(yarn.mscale == 0.7);
  CHECK(yarn.mscale_all_dim == 1.0);
  CHECK_FALSE(yarn.truncate);
  const RopeConfig dynamic = parse_with({{"rope_scaling", {{"type", "dynamic"}, {"factor", 2.0}}}}).rope;
  CHECK(dynamic.type == RopeType::dynamic);
  CHECK(dynamic.max_positions == 4096);
}

TEST_CASE("rope: lengths and factors that transformers fills in", "[modelfiles][config]") {
  const json ratio = {{"rope_type", "yarn"}, {"factor", nullptr}, {"original_max_position_embeddings", 1024}};
  CHECK(parse_with({{"rope_parameters", ratio}}).rope.factor == 4.0);
  const json bare = {{"rope_type", "yarn"}, {"factor", 2.0}};
  CHECK(parse_with({{"rope_parameters", bare}}).rope.original_max_positions == 4096);
  CHECK(
      parse_with({{"rope_parameters", bare}, {"original_max_position_embeddings", 2048}}).rope.original_max_positions ==
      2048);
}

TEST_CASE("rope: contradictions are refused, not ranked", "[modelfiles][config]") {
  check_bad({{"rope_theta", 1e4}, {"rope_parameters", {{"rope_type", "default"}, {"rope_theta", 5e5}}}},
            "rope_theta is 10000, but 500000 within the rope parameters");
  check_bad({{"rope_scaling", {{"type", "linear"}, {"factor", 2.0}}}, {"rope_parameters", {{"rope_type", "default"}}}},
            "rope_scaling and rope_parameters differ");
  check_bad({{"rope_scaling", {{"type", "mrope"}, {"rope_type", "default"}}}}, "'mrope'", "'default'");
  check_bad({{"rope_scaling", llama3}, {"original_max_position_embeddings", 512}}, "is 512, but 1024 within");
}

TEST_CASE("rope: types and parameters that are not known", "[modelfiles][config]") {
  check_bad({{"rope_scaling", {{"rope_type", "longrope"}, {"factor", 2.0}}}}, "rope type 'longrope' is not supported");
  check_bad({{"rope_scaling", {{"rope_type", "linear"}, {"factor", 2.0}, {"surprise", 1}}}},
            "rope_scaling.'surprise' has no meaning");
  check_bad({{"rope_scaling", {{"rope_type", "dynamic"}, {"factor", 2.0}, {"original_max_position_embeddings", 9}}}},
            "'original_max_position_embeddings' has no meaning for rope type 'dynamic'");
  check_bad({{"rope_parameters", {{"rope_type", "default"}, {"factor", 2.0}}}}, "'factor' has no meaning");
  check_bad({{"original_max_position_embeddings", 9}}, "original_max_position_embeddings has no meaning");
  check_bad({{"rope_scaling", "linear"}}, "rope_scaling is a text, expected an object");
  check_bad({{"rope_scaling", {{"rope_type", 3}}}}, "rope_scaling.rope_type is 3");
}

TEST_CASE("rope: parameters missing or impossible", "[modelfiles][config]") {
  check_bad({{"rope_scaling", {{"rope_type", "linear"}}}}, "rope_scaling.factor is missing");
  check_bad({{"rope_scaling", {{"rope_type", "yarn"}}}}, "rope_scaling.factor is missing");
  check_bad({{"rope_scaling", {{"rope_type", "linear"}, {"factor", 0.0}}}}, "rope_scaling.factor is 0.0");
  check_bad({{"rope_scaling", {{"rope_type", "linear"}, {"factor", "2"}}}}, "rope_scaling.factor is '2', a text");
  check_bad({{"rope_theta", 0}}, "rope_theta is 0");
  check_bad({{"rope_theta", -1e4}}, "rope_theta is -10000.0");
  check_bad({{"rope_scaling", with(llama3, {{"high_freq_factor", 1.0}})}},
            "high_freq_factor is not above low_freq_factor");
  check_bad({{"rope_scaling", with(llama3, {{"low_freq_factor", nullptr}})}}, "low_freq_factor is missing");
  check_bad({{"rope_scaling", {{"rope_type", "yarn"}, {"factor", 2.0}, {"beta_fast", 1}, {"beta_slow", 2}}}},
            "beta_fast is below");
  check_bad({{"rope_scaling", {{"rope_type", "yarn"}, {"factor", 2.0}, {"truncate", 1}}}}, "truncate is 1");
  check_bad({{"rope_scaling", {{"rope_type", "dynamic"}, {"factor", 2.0}}}, {"head_dim", 2}}, "head size above 2");
}

TEST_CASE("rope: factors that transformers warns of", "[modelfiles][config]") {
  const auto warnings = [](const json& rope) { return parse_with({{"rope_parameters", rope}}).warnings; };
  CHECK(warnings({{"rope_type", "linear"}, {"factor", 0.5}}).size() == 1);
  CHECK(warnings({{"rope_type", "yarn"}, {"factor", 2.0}, {"original_max_position_embeddings", 1024}}).size() == 1);
  CHECK(warnings({{"rope_type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 1024}}).empty());
}
