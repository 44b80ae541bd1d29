#include "scenarios/command_line.h"

#include "cache_backends/error.h"
#include "scenarios/settings.h"
#include "tests/catch.h"

namespace kvdiff {
namespace {

// What the program's parser does with the words: flag, then value, for all but toggles.
Case read_back(const std::vector<std::string>& words) {
  Case run;
  for (size_t i = 2; i < words.size(); ++i) {
    for (const Setting& setting : settings()) {
      if (flag_of(setting) != words[i]) continue;
      setting.set(run, setting.kind == SettingKind::toggle ? "true" : words.at(++i));
      break;
    }
  }
  return run;
}

Case every_setting_changed() {
  Case run;
  run.model = "some folder/model";
  run.dtype = Dtype::bfloat16;
  run.attention = "eager";
  run.prompt.chat = "It's a \"test\": $HOME `id` \\ \n\tend; 雪 !";
  run.prompt.system = "";
  run.caches = {parse_cache_spec("hqq:bits=4,group=64+0,-1@hqq:bits=8"), parse_cache_spec("k=int8/v=full")};
  run.continue_file = "-starts-with-a-dash";
  run.modes = {"local", "free"};
  run.tokens = 17;
  run.ignore_eos = true;
  run.temperature = 0.1;
  run.top_k = 40;
  run.top_p = 1.0 / 3;
  run.seed = 18446744073709551615u;
  run.floor = true;
  run.limits = {{"kld_mean", 1e-7}, {"flips", 3}};
  return run;
}

}  // namespace

TEST_CASE("Every setting survives the command line", "[scenarios]") {
  const Case run = every_setting_changed();
  const Case again = read_back(arguments(run));
  CHECK(arguments(again) == arguments(run));
  CHECK(again.top_p == run.top_p);
  CHECK(again.seed == run.seed);
  CHECK(again.prompt.chat == run.prompt.chat);
  CHECK(again.limits == run.limits);
  size_t said = 0;
  for (const Setting& setting : settings()) said += setting.get(run).empty() ? 0 : 1;
  CHECK(said == settings().size() - 4);  // four of the five prompt sources are not given
}

TEST_CASE("Only what differs from the defaults is said", "[scenarios]") {
  Case run;
  run.prompt.text = "x";
  run.caches = {parse_cache_spec("hqq")};
  CHECK(command_line(run) == "kvdiff run --model smollm2 --prompt x --cache hqq");
}

TEST_CASE("Words are quoted for a shell", "[scenarios]") {
  CHECK(shell_quoted("hqq:bits=4+0,-1@k=int8/v=full") == "hqq:bits=4+0,-1@k=int8/v=full");
  CHECK(shell_quoted("") == "''");
  CHECK(shell_quoted("a b") == "'a b'");
  CHECK(shell_quoted("it's") == "'it'\\''s'");
  CHECK(shell_quoted("=x") == "'=x'");
  CHECK(shell_quoted("~/x") == "'~/x'");
  CHECK(shell_quoted("a\nb'\\\x01") == "$'a\\nb\\'\\\\\\001'");
}

TEST_CASE("A value that a setting does not take is refused with what was found and expected", "[scenarios]") {
  const std::pair<std::string_view, std::string_view> wrong[] = {
      {"tokens", "0"},      {"tokens", "1e3"},     {"tokens", "99999999999999999999"}, {"temperature", "-1"},
      {"temperature", "nan"}, {"top_p", "0"},      {"top_p", "1.5"},                   {"top_k", "-1"},
      {"seed", "-1"},       {"mode", "locla"},     {"mode", ""},                       {"mode", "local,"},
      {"dtype", "float8"},  {"attention", "flash"}, {"limit", "kld_mean"},             {"limit", "=1"},
      {"limit", "a=inf"},   {"cache", "hqq:bit=4"}, {"model", ""},                     {"ignore_eos", "yes"}};
  for (const auto& [name, value] : wrong) {
    INFO(name << " " << value);
    Case run;
    CHECK_THROWS_AS(find_setting(name)->set(run, value), UserError);
  }
}

TEST_CASE("Modes run in their own order, once each", "[scenarios]") {
  Case run;
  find_setting("mode")->set(run, "free,local,free");
  CHECK(run.modes == std::vector<std::string>{"local", "free"});
}

}  // namespace kvdiff
