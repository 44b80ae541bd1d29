#include "harness/options.h"

#include <fstream>
#include <set>
#include <sstream>

#include "cache_backends/error.h"
#include "scenarios/command_line.h"
#include "scenarios/plan.h"
#include "tests/catch.h"

namespace kvdiff {
namespace {

// Words as the command line's parser hands them over: flag and value.
RunOptions taken(const std::vector<std::pair<std::string, std::string>>& given) {
  RunOptions options;
  for (const auto& [flag, value] : given) {
    for (const RunFlag& row : run_flags()) {
      if (row.flag == flag) row.take(options, value);
    }
  }
  return options;
}

std::string refusal(const std::string& flag, const std::string& value) {
  try {
    taken({{flag, value}});
  } catch (const UserError& error) {
    return error.what();
  }
  return "taken";
}

}  // namespace

TEST_CASE("Every flag stands once in the table", "[options]") {
  std::set<std::string> flags;
  for (const RunFlag& flag : run_flags()) {
    CHECK(flags.insert(flag.flag).second);
    CHECK_FALSE(flag.help.empty());
  }
  for (const std::string wanted :
       {"--model", "--dtype", "--prompt", "--prompt-file", "--chat", "--system", "--messages", "--token-ids",
        "--continue-file", "--cache", "--mode", "--tokens", "--ignore-eos", "--temperature", "--top-k", "--top-p", "--seed",
        "--threads", "--simd", "--attention", "--device", "--limit", "--dump", "--dump-steps", "--report", "--quiet",
        "--scenario", "--list-cases", "--floor"}) {
    INFO(wanted);
    CHECK(flags.count(wanted) == 1);
  }
}

TEST_CASE("The README's table is the program's own", "[options]") {
  std::ifstream file(KVDIFF_SOURCE_DIR "/scenarios/README.md");
  std::stringstream readme;
  readme << file.rdbuf();
  CHECK_THAT(readme.str(), Catch::Contains(run_flags_table()));
}

TEST_CASE("Flags beside a scenario override it; caches join, a prompt replaces all", "[options]") {
  const Scenario scenario = scenario_of(taken({{"--scenario", "smoke"}, {"--tokens", "8"}, {"--prompt", "x"}, {"--cache", "hqq:bits=1"},
                                               {"--limit", "kld_mean=1"}, {"--limit", "kld_mean=2"}}));
  const Plan plan = make_plan(scenario);
  REQUIRE(plan.cases.size() == 1);
  CHECK(plan.cases[0].tokens == 8);
  CHECK(plan.cases[0].prompt.text == "x");
  CHECK_FALSE(plan.cases[0].prompt.chat.has_value());
  CHECK(plan.cases[0].caches.size() == make_plan(load_scenario("smoke")).cases[0].caches.size() + 1);
  CHECK(plan.cases[0].caches.back().text == "hqq:bits=1");
  CHECK(plan.cases[0].limits == std::map<std::string, double>{{"kld_mean", 2}});
}

TEST_CASE("A flag's value is refused under the flag's name", "[options]") {
  CHECK_THAT(refusal("--tokens", "many"), Catch::Contains("--tokens: found 'many', expected a whole number"));
  CHECK_THAT(refusal("--device", "gpu"), Catch::Contains("--device: ") && Catch::Contains("auto, cpu, cuda"));
  CHECK_THAT(refusal("--device", "cuda:4294967296"), Catch::Contains("--device: found 'cuda:4294967296', expected an index below 1024"));
  CHECK_THAT(refusal("--threads", "-1"), Catch::Contains("--threads: "));
  CHECK_THAT(refusal("--threads", "100000"), Catch::Contains("at most 1024"));
  CHECK_THAT(refusal("--simd", "neon"), Catch::Contains("--simd: "));
  CHECK_THAT(refusal("--report", ""), Catch::Contains("--report: "));
  CHECK_THAT(refusal("--report", "json:"), Catch::Contains("a file behind the colon"));
  CHECK_THAT(refusal("--dump-steps", "5"), Catch::Contains("FROM-TO"));
  CHECK_THAT(refusal("--dump-steps", "7-5"), Catch::Contains("--dump-steps: "));
  CHECK_THAT(refusal("--cache", "hqq:bit=4"), Catch::Contains("--cache: "));
}

TEST_CASE("A report's target is a format and, behind the first colon, a file", "[options]") {
  const RunOptions options = taken({{"--report", "console"}, {"--report", "json:a:b.json"}});
  REQUIRE(options.reports.size() == 2);
  CHECK(options.reports[0].file.empty());
  CHECK(options.reports[1].format == "json");
  CHECK(options.reports[1].file == "a:b.json");
}

}  // namespace kvdiff
