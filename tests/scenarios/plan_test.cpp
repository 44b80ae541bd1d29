#include "scenarios/plan.h"

#include "cache_backends/error.h"
#include "scenarios/command_line.h"
#include "scenarios/matrix.h"
#include "tests/catch.h"

namespace kvdiff {
namespace {

Scenario with(std::vector<CacheEntry> caches) {
  Scenario scenario;
  scenario.prompts.emplace_back().text = "Once";
  scenario.caches = std::move(caches);
  return scenario;
}

std::vector<std::string> texts(const Plan& plan) {
  std::vector<std::string> result;
  for (const CacheSpec& cache : plan.cases.at(0).caches) result.push_back(cache.text);
  return result;
}

ExitCode code_of(const Scenario& scenario) {
  try {
    make_plan(scenario);
  } catch (const UserError& error) {
    return error.code();
  }
  return ExitCode::passed;
}

Matrix hqq(std::vector<std::pair<std::string, std::vector<std::string>>> axes) {
  axes.insert(axes.begin(), {"codec", {"hqq"}});
  return {std::move(axes)};
}

}  // namespace

TEST_CASE("A matrix turns its last axis fastest and puts a codec on either side", "[scenarios]") {
  const Plan plan = make_plan(with({hqq({{"bits", {"4", "8"}}, {"sides", {"both", "keys", "values"}}})}));
  CHECK(texts(plan) == std::vector<std::string>{"hqq:bits=4", "k=hqq:bits=4/v=full", "k=full/v=hqq:bits=4", "hqq:bits=8",
                                                "k=hqq:bits=8/v=full", "k=full/v=hqq:bits=8"});
}

TEST_CASE("An axis that a codec has no key for does not multiply it", "[scenarios]") {
  const Plan plan = make_plan(with({Matrix{{{"codec", {"hqq", "int8", "full"}}, {"bits", {"4", "8"}}, {"residual", {"64"}}}}}));
  CHECK(texts(plan) == std::vector<std::string>{"hqq:bits=4,residual=64", "hqq:bits=8,residual=64", "int8:residual=64", "full"});
  CHECK(plan.merged == 2);
}

TEST_CASE("What means the same is tried once", "[scenarios]") {
  Scenario scenario = with({std::string("hqq"), std::string("hqq:bits=4,group=64"), std::string("hqq:residual=128")});
  scenario.prompts.push_back(scenario.prompts[0]);
  scenario.prompts.emplace_back().chat = "Once";
  const Plan plan = make_plan(scenario);
  CHECK(texts(plan) == std::vector<std::string>{"hqq"});
  CHECK(plan.cases.size() == 2);
  CHECK(plan.merged == 3);
}

TEST_CASE("Combinations that a codec does not offer are left out with the reason; none left is nothing to do", "[scenarios]") {
  const Plan plan = make_plan(with({hqq({{"bits", {"4", "5"}}})}));
  CHECK(texts(plan) == std::vector<std::string>{"hqq:bits=4"});
  REQUIRE(plan.left_out.size() == 1);
  CHECK(plan.left_out[0].what == "hqq:bits=5");
  CHECK_FALSE(plan.left_out[0].reason.empty());
  CHECK(code_of(with({hqq({{"bits", {"5", "6"}}})})) == ExitCode::nothing_to_do);
  CHECK(code_of(with({})) == ExitCode::nothing_to_do);
}

TEST_CASE("A plan refuses what contradicts itself", "[scenarios]") {
  Scenario scenario = with({std::string("full")});
  CHECK(code_of(scenario) == ExitCode::passed);
  scenario.common.top_k = 5;
  CHECK(code_of(scenario) == ExitCode::usage);
  scenario.common.temperature = 0.7;
  CHECK(code_of(scenario) == ExitCode::passed);
  scenario.prompts[0].chat = "two sources";
  CHECK(code_of(scenario) == ExitCode::usage);
  scenario.prompts[0].text.reset();
  scenario.prompts[0].system = "with a chat";
  CHECK(code_of(scenario) == ExitCode::passed);
  scenario.prompts[0].chat.reset();
  scenario.prompts[0].token_ids = "1,2";
  CHECK(code_of(scenario) == ExitCode::usage);
  scenario.prompts.clear();
  CHECK(code_of(scenario) == ExitCode::usage);
}

TEST_CASE("A matrix of no codec's axis, or beyond all measure, is refused", "[scenarios]") {
  CHECK_THROWS_WITH(combinations(hqq({{"bit", {"4"}}})), Catch::Contains("'bit'") && Catch::Contains("Did you mean 'bits'"));
  CHECK_THROWS_AS(combinations(Matrix{{{"bits", {"4"}}}}), UserError);
  CHECK_THROWS_AS(combinations(hqq({{"sides", {"left"}}})), UserError);
  const std::vector<std::string> many(200, "4");
  CHECK_THROWS_AS(combinations(hqq({{"bits", many}, {"group", many}})), UserError);
}

TEST_CASE("A lane's case keeps everything but the other lanes", "[scenarios]") {
  const Plan plan = make_plan(with({std::string("full"), std::string("hqq:bits=2")}));
  CHECK(command_line(lane_case(plan.cases[0], 1)) == "kvdiff run --model smollm2 --prompt Once --cache hqq:bits=2");
}

}  // namespace kvdiff
