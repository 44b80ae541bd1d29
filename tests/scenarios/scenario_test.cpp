#include "scenarios/scenario.h"

#include <fstream>

#include "cache_backends/error.h"
#include "scenarios/command_line.h"
#include "scenarios/plan.h"
#include "scenarios/settings.h"
#include "scenarios/shipped.h"
#include "scenarios/texts.h"
#include "tests/catch.h"

namespace kvdiff {
namespace {

std::string refusal(std::string_view json) {
  try {
    parse_scenario(json, "mine.json");
  } catch (const UserError& error) {
    CHECK(error.code() == ExitCode::usage);
    return error.what();
  }
  return "accepted";
}

std::string in_scenario(std::string_view rest) { return R"({"schema": "kvdiff.scenario/1", )" + std::string(rest) + "}"; }

std::vector<std::string> lines(const Scenario& scenario) {
  std::vector<std::string> result;
  for (const Case& run : make_plan(scenario).cases) result.push_back(command_line(run));
  return result;
}

}  // namespace

TEST_CASE("Shipped scenarios parse, plan, and survive JSON", "[scenarios]") {
  REQUIRE(shipped_scenarios().size() >= 3);
  for (const ShippedFile& file : shipped_scenarios()) {
    INFO(file.name);
    const Scenario scenario = load_scenario(std::string(file.name));
    CHECK(scenario.name == file.name);
    CHECK_FALSE(scenario.summary.empty());
    CHECK(make_plan(scenario).left_out.empty());
    CHECK(lines(parse_scenario(to_json(scenario).dump(), "again")) == lines(scenario));
    CHECK(to_json(parse_scenario(to_json(scenario).dump(), "again")) == to_json(scenario));
  }
}

TEST_CASE("The seed's checklist is complete: off, then each knob for both sides, keys and values", "[scenarios]") {
  const Plan plan = make_plan(load_scenario("seed-sequence"));
  REQUIRE(plan.cases.size() == 1);
  std::vector<std::string> caches;
  for (const CacheSpec& cache : plan.cases[0].caches) caches.push_back(canonical(cache));
  REQUIRE(caches.size() == 16);
  CHECK(caches[0] == "full");
  for (const std::string side : {"hqq", "hqq:bits=8", "hqq:group=128", "hqq:residual=32", "int8"}) {
    const auto wanted = {side, "k=" + side + "/v=full", "k=full/v=" + side};
    for (const std::string& spec : wanted) {
      INFO(spec);
      CHECK(std::count(caches.begin(), caches.end(), canonical(parse_cache_spec(spec))) == 1);
    }
  }
}

TEST_CASE("The long run follows a text that the program carries", "[scenarios]") {
  const Plan plan = make_plan(load_scenario("long-8747"));
  CHECK(plan.cases.at(0).tokens == 8747);
  const std::string text = read_source(plan.cases[0].continue_file, "text", ExitCode::input);
  CHECK(text.size() > 48000);  // at most 5 characters per token of such prose
  CHECK(text.starts_with("Quest. 30."));
  CHECK(text.ends_with("\n"));
}

TEST_CASE("A bad scenario is refused with file, key, what was found and what would do", "[scenarios]") {
  const std::pair<std::string, std::string> cases[] = {
      {"", "mine.json: not JSON"},
      {"[]", "mine.json: /: found [], expected an object"},
      {"{}", "the key 'schema' is missing"},
      {R"({"schema": "kvdiff.scenario/2"})", "mine.json: /schema: found \"kvdiff.scenario/2\""},
      {in_scenario(R"("token": 5)"), "mine.json: /: unknown key 'token'"},
      {in_scenario(R"("token": 5)"), "Did you mean 'tokens'"},
      {in_scenario(R"("tokens": "5")"), "mine.json: /tokens: found \"5\", expected a whole number"},
      {in_scenario(R"("tokens": 5.0)"), "mine.json: /tokens: found 5.0"},
      {in_scenario(R"("tokens": 0)"), "mine.json: /tokens: found '0', expected a whole number, at least 1"},
      {in_scenario(R"("ignore_eos": 1)"), "/ignore_eos: found 1, expected true or false"},
      {in_scenario(R"("mode": "locale")"), "Did you mean 'local'"},
      {in_scenario(R"("tokens": 5, "tokens": 6)"), "the key 'tokens' stands twice"},
      {in_scenario(R"("cache": [])"), "/cache: found [], expected a list"},
      {in_scenario(R"("cache": ["full", "hqq:bits=5"])"), "mine.json: /cache/1: "},
      {in_scenario(R"("cache": [{"bits": 4}])"), "/cache/0: a matrix needs the key 'codec'"},
      {in_scenario(R"("cache": [{"codec": "hqq", "bit": 4}])"), "Did you mean 'bits'"},
      {in_scenario(R"("cache": [{"codec": "hpq"}])"), "Did you mean 'hqq'"},
      {in_scenario(R"("cache": [{"codec": "hqq", "bits": [4, 0.5]}])"), "/cache/0/bits/1: found 0.5"},
      {in_scenario(R"("prompts": [{"chat": "a", "prompt": "b"}])"), "/prompts/0: found prompt, chat together"},
      {in_scenario(R"("prompts": [{"name": "a"}])"), "/prompts/0: no prompt"},
      {in_scenario(R"("prompts": [{"chta": "a"}])"), "Did you mean 'chat'"},
      {in_scenario(R"("chat": "a")"), "unknown key 'chat'"},
      {in_scenario(R"("limit": ["kld"])"), "/limit/0: found 'kld', expected METRIC=VALUE"},
      {std::string(40, '[') + std::string(40, ']'), "nested deeper than 16"},
      {in_scenario("\"name\": \"\xff\""), "not JSON"},
      {std::string("{}\0{", 4), "NUL"},
  };
  for (const auto& [json, part] : cases) {
    INFO(json);
    CHECK_THAT(refusal(json), Catch::Contains(part));
  }
}

TEST_CASE("Paths in a scenario file count from its folder", "[scenarios]") {
  const std::string folder = "scenario_test_folder";
  std::filesystem::create_directories(folder);
  const std::string file = folder + "/mine.json";
  std::ofstream(file) << in_scenario(
      R"("model": "./tiny", "continue_file": "text.txt", "prompts": [{"token_ids": "@ids"}, {"prompt_file": "-"},)"
      R"( {"messages": "/absolute"}], "cache": ["full"])");
  const Scenario scenario = load_scenario(file);
  std::filesystem::remove_all(folder);
  CHECK(scenario.common.model == folder + "/tiny");
  CHECK(scenario.common.continue_file == folder + "/text.txt");
  CHECK(scenario.prompts[0].token_ids == "@" + folder + "/ids");
  CHECK(scenario.prompts[1].text_file == "-");
  CHECK(scenario.prompts[2].messages == "/absolute");
}

TEST_CASE("A name that is neither shipped nor a file names the nearest", "[scenarios]") {
  CHECK_THROWS_WITH(load_scenario("smok"), Catch::Contains("Did you mean 'smoke'"));
  CHECK_THROWS_WITH(load_scenario("."), Catch::Contains("it is a folder"));
  CHECK_THROWS_WITH(read_source("shipped:newton", "text", ExitCode::input), Catch::Contains("newton-opticks"));
}

TEST_CASE("The schema file and the program know the same keys", "[scenarios]") {
  std::ifstream file(KVDIFF_SOURCE_DIR "/scenarios/scenario.schema.json");
  const auto schema = nlohmann::json::parse(file);
  const auto& prompt = schema["properties"]["prompts"]["items"]["properties"];
  size_t top_level = 4, in_prompt = 1;  // schema, name, summary, prompts; name
  for (const Setting& setting : settings()) {
    INFO(setting.name);
    const bool of_prompt = setting.group == SettingGroup::prompt;
    CHECK((of_prompt ? prompt : schema["properties"]).contains(std::string(setting.name)));
    ++(of_prompt ? in_prompt : top_level);
  }
  CHECK(schema["properties"].size() == top_level);
  CHECK(prompt.size() == in_prompt);
  CHECK(schema["properties"]["schema"]["const"] == scenario_schema);
}

}  // namespace kvdiff
