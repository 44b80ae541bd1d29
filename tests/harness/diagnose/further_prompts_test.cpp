#include "harness/diagnose/further_prompts.h"

#include <nlohmann/json.hpp>

#include "cache_backends/error.h"
#include "harness/diagnose/diagnose.h"
#include "reports/registry.h"
#include "tests/catch.h"
#include "tests/harness/diagnose/tiny_folder.h"
#include "tests/support/expect_error.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

// Layer 2's keys are lost, and nothing else is quantized: exempting them is the reference, on any prompt.
constexpr const char* spoiled = "full+2@k=hqq:bits=1,group=16,residual=0/v=full";

TinyFolder tiny_folder() {
  TinyLlama model;
  model.layers = 4;
  return TinyFolder(model);
}

std::vector<PromptSource> texts(const std::vector<std::string>& given) {
  std::vector<PromptSource> sources;
  for (const std::string& text : given) sources.emplace_back().text = text;
  return sources;
}

FurtherPromptsFinding with(const std::vector<std::optional<double>>& recoveries) {
  FurtherPromptsFinding found;
  for (const auto& one : recoveries) found.prompts.push_back({{"text", "plain", "a prompt", {1, 2}}, 48, 0.5, one, 3, {}, one ? "" : "nothing there"});
  return found;
}

}  // namespace

TEST_CASE("further prompts: Student's interval is the textbook's", "[diagnose][prompts]") {
  // 4 values, t(0.95; 3) = 2.353: 0.8 +- 2.353 * 0.1291 / 2
  const double values[] = {0.65, 0.75, 0.85, 0.95};
  const auto interval = t_interval(values);
  REQUIRE(interval);
  CHECK(std::abs(interval->low - 0.648112) < 1e-5);
  CHECK(std::abs(interval->high - 0.951888) < 1e-5);
  CHECK_FALSE(t_interval(std::span(values).first(1)));
  CHECK_FALSE(t_interval({}));
  const std::vector<double> many(64, 0.5);
  CHECK(t_interval(many)->low == 0.5);
  const double two[] = {0.8, 1.0};
  CHECK(t_interval(two)->high == 1);  // nothing recovers more than all of it
}

TEST_CASE("further prompts: the verdict counts what could be measured", "[diagnose][prompts]") {
  CHECK(verdict_of({}).empty());
  CHECK(verdict_of(with({0.9, 0.79, 0.8})) == "The same set recovers at least 80 % on 2 of 3 further prompts");
  CHECK(verdict_of(with({0.9, {}})) == "The same set recovers at least 80 % on 1 of 1 further prompt (1 more had nothing to recover)");
  CHECK(verdict_of(with({{}})) == "On 1 further prompt there was nothing to recover");
}

TEST_CASE("further prompts: a set that is to blame everywhere recovers everywhere", "[diagnose][prompts]") {
  const TinyFolder tiny = tiny_folder();
  const Case run = tiny.ask(spoiled);
  const Diagnosis alone = diagnose(run, {}, {}, {});
  const Diagnosis found = diagnose(run, {}, {}, {}, texts({"Name three rivers.", "abc", "The sea, the sea, and nothing but the sea"}));
  INFO(diagnosis_json(found));
  REQUIRE(found.further_prompts.prompts.size() == 3);
  CHECK(found.place.set.parts == alone.place.set.parts);
  CHECK(found.further_prompts.held() == 3);
  for (const PromptRecovery& one : found.further_prompts.prompts) {
    CHECK(one.recovery == 1.0);
    CHECK(one.steps == found.window_steps);
    CHECK(*one.kld > 0);
    CHECK_FALSE(one.exempt_parts_at);
  }
  CHECK(found.budget.asked == alone.budget.asked + 6);
  CHECK(found.headline.ends_with(" The same set recovers at least 80 % on 3 of 3 further prompts."));
  CHECK(found.reproduce.find(" --also-prompt 'Name three rivers.' --also-prompt abc --also-prompt ") != std::string::npos);
  RenderOptions wide;
  wide.width = 200;
  const std::string console = diagnosis_console(found, wide), markdown = diagnosis_markdown(found, wide);
  CHECK(console.find("THE SAME SET ON FURTHER PROMPTS") != std::string::npos);
  CHECK(console.find("by Student's t over 3 prompts") != std::string::npos);
  CHECK(markdown.find("| Name three rivers. | ") != std::string::npos);
  const auto json = nlohmann::json::parse(diagnosis_json(found)).at("further_prompts");
  CHECK(json.at("held") == 3);
  CHECK(json.at("interval").at("low") == 1.0);
  CHECK(json.at("prompts").size() == 3);
}

TEST_CASE("further prompts: without one nothing is said of them", "[diagnose][prompts]") {
  const TinyFolder tiny = tiny_folder();
  const Diagnosis found = diagnose(tiny.ask(spoiled), {}, {}, {});
  CHECK_FALSE(nlohmann::json::parse(diagnosis_json(found)).contains("further_prompts"));
  for (const std::string& report : {diagnosis_console(found, {}), diagnosis_markdown(found, {})}) CHECK(report.find("urther prompt") == std::string::npos);
}

TEST_CASE("further prompts: a set whose blame is this prompt's own is told so", "[diagnose][prompts]") {
  Diagnosis found;
  found.further_prompts = with({0.2, 0.95, {}});
  const std::string markdown = diagnosis_markdown(found, {});
  CHECK(markdown.find("on 1 of 2 further prompts") != std::string::npos);
  CHECK(markdown.find("20.0% to 95.0%, mean 57.5%") != std::string::npos);
  CHECK(markdown.find("a prompt (nothing there)") != std::string::npos);
  found.further_prompts = with({0.2});
  CHECK(diagnosis_markdown(found, {}).find("20.0%; one prompt has no interval") != std::string::npos);
}

TEST_CASE("further prompts: the table leaves out what a template says in front of each", "[diagnose][prompts]") {
  Diagnosis found;
  found.prompt.text = "<|user|>\nName three rivers.\n<|assistant|>\n";
  found.further_prompts = with({0.9, 0.8});
  found.further_prompts.prompts[0].prompt.text = "<|user|>\nName three lakes.\n<|assistant|>\n";
  found.further_prompts.prompts[1].prompt.text = found.prompt.text;
  const std::string markdown = diagnosis_markdown(found, {});
  INFO(markdown);
  CHECK(markdown.find("| Name three lakes.") != std::string::npos);
  CHECK(markdown.find("Name three rivers.") != std::string::npos);  // the same prompt twice is shown whole
}

TEST_CASE("further prompts: a budget that ends before them says how many are left", "[diagnose][prompts]") {
  const TinyFolder tiny = tiny_folder();
  const Diagnosis found = diagnose(tiny.ask(spoiled), parse_budget("12"), {}, {}, texts({"one", "two", "three", "four", "five", "six", "seven"}));
  INFO(diagnosis_json(found));
  CHECK(found.budget.asked <= 12);
  CHECK(found.further_prompts.prompts.size() < 7);
  CHECK(std::any_of(found.left_to_try.begin(), found.left_to_try.end(), [](const std::string& left) {
    return left.find("of the 7 further prompts") != std::string::npos;
  }));
}

TEST_CASE("further prompts: where no set was named they are not tried, and it is said why", "[diagnose][prompts]") {
  const TinyFolder tiny = tiny_folder();
  const Diagnosis found = diagnose(tiny.ask("k=hqq:bits=8,group=16,residual=64/v=full", 4), {}, {}, {}, texts({"one"}));
  INFO(diagnosis_json(found));
  REQUIRE(found.place.set.parts.empty());
  CHECK(found.further_prompts.prompts.empty());
  CHECK(found.further_prompts.reason == "on the first prompt no set of layer sides was named");
  CHECK(diagnosis_console(found, {}).find("were not tried") != std::string::npos);
}

TEST_CASE("further prompts: a bad one is refused before anything runs, with its number", "[diagnose][prompts]") {
  const TinyFolder tiny = tiny_folder();
  check_refused([&] { diagnose(tiny.ask(spoiled), {}, {}, {}, texts({"good", ""})); }, "further prompt 2: ");
}
