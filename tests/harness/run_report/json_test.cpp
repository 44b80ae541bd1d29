#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "harness/run_report_json.h"
#include "tests/catch.h"
#include "tests/support/expect_error.h"
#include "tests/support/sample_report.h"
#include "tests/support/temporary_folder.h"

namespace kvdiff {
namespace {

using Json = nlohmann::ordered_json;

// The sample as JSON after one change to it.
template <class Change> std::string changed(Change&& change) {
  Json json = Json::parse(report_json(sample_report()));
  change(json);
  return json.dump();
}

TEST_CASE("a report reads back as what was written", "[run_report]") {
  for (const RunReport& report : {sample_report(), judged_sample_report(), RunReport{}}) {
    const std::string text = report_json(report);
    CHECK(report_json(read_report(text)) == text);
  }
}

TEST_CASE("numbers read back as the same bits", "[run_report]") {
  RunReport report = sample_report();
  const std::vector<double> hard = {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, -0.0, 0.30000000000000004, 123456789.12345679};
  report.lanes[2].forced->kld = hard;
  report.settings.sampling.seed = std::numeric_limits<uint64_t>::max();
  const RunReport back = read_report(report_json(report));
  CHECK(back.settings.sampling.seed == std::numeric_limits<uint64_t>::max());
  REQUIRE(back.lanes[2].forced->kld.size() == hard.size());
  for (size_t i = 0; i < hard.size(); ++i) {
    CHECK(back.lanes[2].forced->kld[i] == hard[i]);
    CHECK(std::signbit(back.lanes[2].forced->kld[i]) == std::signbit(hard[i]));
  }
}

TEST_CASE("what is not finite is null and has a reason, in every shape of number", "[run_report]") {
  constexpr double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  RunReport report = sample_report();
  LaneReport& lane = report.lanes[2];
  lane.forced->perplexity->ratio = infinity;
  lane.forced->kld = {0.5, nan, -infinity};
  lane.forced->heat_maps[0].relative_l2 = {{0.5, nan}, {infinity, 0.25}};
  lane.forced->summary = {{"kld_mean", {nan, ""}}, {"kld_p99", {std::nullopt, "no step was finite"}}};
  lane.breach = LimitBreach{"kld_mean", {std::nullopt, "nothing matched"}, 0.5};

  const Json json = Json::parse(report_json(report))["lanes"][2];
  CHECK(json["forced"]["perplexity"]["ratio"].is_null());
  CHECK(json["forced"]["perplexity"]["ratio_reason"] == "+infinity");
  CHECK(json["forced"]["kld"] == Json::parse("[0.5, null, null]"));
  CHECK(json["forced"]["kld_reason"] == Json::parse(R"({"1": "NaN", "2": "-infinity"})"));
  CHECK(json["forced"]["heat_maps"][0]["relative_l2_reason"] == Json::parse(R"({"0/1": "NaN", "1/0": "+infinity"})"));
  CHECK(json["forced"]["summary"]["kld_mean_reason"] == "NaN");
  CHECK(json["forced"]["summary"]["kld_p99_reason"] == "no step was finite");
  CHECK(json["breach"]["value_reason"] == "nothing matched");

  const LaneReport back = read_report(report_json(report)).lanes[2];
  CHECK(back.forced->perplexity->ratio == infinity);
  CHECK(std::isnan(back.forced->kld[1]));
  CHECK(back.forced->kld[2] == -infinity);
  CHECK(back.forced->heat_maps[0].relative_l2[1][0] == infinity);
  CHECK(std::isnan(*back.forced->summary[0].figure.value));
  CHECK_FALSE(back.forced->summary[1].figure.value);
  CHECK(back.breach->value.reason == "nothing matched");
}

TEST_CASE("bytes that are no UTF-8 do not reach the file", "[run_report]") {
  RunReport report = sample_report();
  report.lanes[2].free->text = "caf\xc3\xa9 \xff\xfe broken";
  CHECK(read_report(report_json(report)).lanes[2].free->text == "caf\xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd broken");
}

TEST_CASE("names that others rely on", "[run_report]") {
  const Json json = Json::parse(report_json(judged_sample_report()));
  CHECK(json["schema"] == "kvdiff.report/1");
  for (const char* pointer : {"/prompt/token_ids", "/digests/build", "/digests/model", "/digests/tokenizer", "/digests/prompt",
                              "/digests/config", "/exit_code", "/reproduce", "/environment/time", "/timing", "/lanes/3/name",
                              "/lanes/3/role", "/lanes/3/cache", "/lanes/3/canonical", "/lanes/3/status", "/lanes/3/reason",
                              "/lanes/3/bytes/codes", "/lanes/3/bytes/scales", "/lanes/3/bytes/zeros", "/lanes/3/bytes/residual",
                              "/lanes/3/bytes/total", "/lanes/3/bytes/full_precision", "/lanes/3/receipt", "/lanes/3/free/tokens",
                              "/lanes/3/free/text", "/lanes/3/free/first_divergence", "/lanes/3/forced/kld",
                              "/lanes/3/forced/top1_match", "/lanes/3/forced/summary", "/lanes/3/local/layers"}) {
    INFO(pointer);
    CHECK(json.contains(Json::json_pointer(pointer)));
  }
}

TEST_CASE("a stored report that is not one is refused with its place", "[run_report]") {
  using test::check_refused;
  const auto read = [](const std::string& text) { return [text] { read_report(text); }; };
  const std::string good = report_json(sample_report());
  check_refused(read(""), "byte", "expected a report");
  check_refused(read(good.substr(0, good.size() / 2)), "byte", "cut off");
  check_refused(read("[]"), "an array of 0", "an object");
  check_refused(read("{}"), "/schema", "kvdiff.report/1");
  check_refused(read(changed([](Json& j) { j["schema"] = "kvdiff.report/2"; })), "kvdiff.report/2", "kvdiff.report/1");
  check_refused(read(changed([](Json& j) { j["exit_code"] = "0"; })), "/exit_code", "text \"0\"", "an integer");
  check_refused(read(changed([](Json& j) { j.erase("lanes"); })), "no \"lanes\"");
  check_refused(read(changed([](Json& j) { j["surplus"] = 1; })), "/surplus", "no such key");
  check_refused(read(changed([](Json& j) { j["lanes"][2]["role"] = "judge"; })), "/lanes/2/role", "\"judge\"", "\"candidate\"");
  check_refused(read(changed([](Json& j) { j["lanes"][2]["forced"]["kld"][7] = "x"; })), "/lanes/2/forced/kld/7", "a number");
  check_refused(read(changed([](Json& j) { j["lanes"][2]["forced"]["kld"][7] = nullptr; })), "/lanes/2/forced/kld/7", "reason");
  check_refused(read(changed([](Json& j) { j["lanes"][2]["forced"]["kld_reason"]["7"] = "NaN"; })), "/lanes/2/forced/kld/7", "null");
  check_refused(read(changed([](Json& j) { j["lanes"][2]["forced"]["kld_reason"]["700"] = "NaN"; })), "kld_reason", "1 reasons");
  check_refused(read(changed([](Json& j) { j["timing"]["seconds_reason"] = "NaN"; })), "/timing/seconds", "null");
  check_refused(read(changed([](Json& j) { j["model"]["layers"] = 9007199254740993; })), "/model/layers", "at most 9007199254740992");
  check_refused(read(changed([](Json& j) { j["environment"]["threads"] = 4294967298; })), "/environment/threads", "at most 2147483647");
  check_refused(read(changed([](Json& j) { j["settings"]["sampling"]["seed"] = -1; })), "/settings/sampling/seed", "0 or larger");
  check_refused(read(changed([](Json& j) { j["partial"] = 0; })), "/partial", "true or false");
  check_refused(read(R"({"schema": "kvdiff.report/1", "schema": "kvdiff.report/1"})"), "\"schema\"", "twice");
  check_refused(read(R"({"schema": "kvdiff.report/1", "exit_code": 1e999})"), "no double");
}

TEST_CASE("a deeply nested file is refused, and does not exhaust the stack", "[run_report]") {
  test::check_refused([] { read_report(std::string(1000000, '[')); }, "byte");
}

TEST_CASE("a report's file is named in what is wrong with it", "[run_report]") {
  const test::TemporaryFolder folder;
  test::write_text(folder / "old.json", R"({"schema": "kvdiff.report/0"})");
  test::check_refused([&] { read_report_file((folder / "old.json").string()); }, "old.json", "kvdiff.report/0");
  test::check_refused([&] { read_report_file((folder / "none.json").string()); }, "none.json", "check the path");
  test::check_refused([&] { read_report_file(folder.path().string()); }, "check the path");
  test::write_text(folder / "good.json", report_json(sample_report()));
  CHECK(report_json(read_report_file((folder / "good.json").string())) == report_json(sample_report()));
}

}  // namespace
}  // namespace kvdiff
