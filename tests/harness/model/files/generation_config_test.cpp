#include "harness/model/files/generation_config.h"

#include "tests/catch.h"
#include "tests/support/expect_error.h"

using namespace kvdiff;

namespace {

ModelConfig model() {
  ModelConfig config;
  config.vocabulary_size = 100;
  config.bos_id = 1;
  config.eos_ids = {2};
  return config;
}

GenerationConfig parse(std::string_view text) {
  return parse_generation_config(text, "generation_config.json", model());
}

}  // namespace

TEST_CASE("generation config: replaces the ends that config.json names", "[modelfiles][generation_config]") {
  CHECK(generation_config_from(model()).eos_ids == std::vector<int64_t>{2});
  CHECK(generation_config_from(model()).bos_id == 1);
  CHECK(parse(R"({"eos_token_id": [5, 7], "bos_token_id": 3})").eos_ids == std::vector<int64_t>{5, 7});
  CHECK(parse(R"({"eos_token_id": 5, "bos_token_id": 3})").bos_id == 3);
  const GenerationConfig silent = parse("{}");
  CHECK(silent.eos_ids.empty());
  CHECK_FALSE(silent.bos_id.has_value());
  REQUIRE(silent.warnings.size() == 1);
  CHECK(silent.warnings[0].find("names no eos_token_id") != std::string::npos);
}

TEST_CASE("generation config: sampling, and what kvdiff does not apply", "[modelfiles][generation_config]") {
  const GenerationConfig config =
      parse(R"({"eos_token_id": 2, "do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": 0.9,
    "repetition_penalty": 1.1, "no_repeat_ngram_size": 0, "transformers_version": "5", "made_up": [1]})");
  CHECK(config.do_sample);
  CHECK(config.temperature == 0.6);
  CHECK(config.top_k == 20);
  CHECK(config.top_p == 0.9);
  REQUIRE(config.warnings.size() == 1);
  CHECK(config.warnings[0].find("repetition_penalty to 1.1") != std::string::npos);
}

TEST_CASE("generation config: impossible values at once", "[modelfiles][generation_config]") {
  test::check_refused(
      [] { parse(R"({"temperature": -1, "top_p": 1.5, "top_k": 2.5, "do_sample": "yes", "eos_token_id": "x"})"); },
      "generation_config.json", "temperature is -1", "top_p is 1.5", "top_k is 2.5", "do_sample is 'yes'",
      "eos_token_id is 'x'");
  test::check_refused([] { parse("[]"); }, "holds a list");
  test::check_refused([] { parse("{"); }, "not valid JSON");
  CHECK(parse(R"({"eos_token_id": 100})").warnings.size() == 1);
}
