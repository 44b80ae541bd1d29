#include <algorithm>
#include <sstream>

#include "harness/compare/compare_reports.h"
#include "harness/run_report_json.h"
#include "harness/verdict/verdict.h"
#include "reports/comparison.h"
#include "reports/console.h"
#include "reports/registry.h"
#include "reports/text.h"
#include "tests/catch.h"
#include "tests/support/expect_error.h"
#include "tests/support/golden.h"
#include "tests/support/sample_report.h"

namespace kvdiff {
namespace {

RunReport measured_sample() { return judged(sample_report(), {}); }

RunReport later_sample() {
  RunReport report = judged_sample_report();
  report.lanes[4].free->first_divergence->step = 9;
  report.lanes[4].forced->summary[0].figure.value = 0.125;
  report.lanes.pop_back();
  report.digests.build = "2222222222222222";
  return report;
}

TEST_CASE("the sample in every format", "[reports][golden]") {
  test::check_golden("console-120.txt", console_report(measured_sample(), {120, false, true}));
  test::check_golden("console-60.txt", console_report(measured_sample(), {60, false, true}));
  test::check_golden("console-60-ascii.txt", console_report(measured_sample(), {60, false, false}));
  test::check_golden("console-120-color.txt", console_report(measured_sample(), {120, true, true}));
  test::check_golden("console-judged-100.txt", console_report(judged_sample_report(), {100, false, true}));
  test::check_golden("report.json", report_json(with_few_layers(measured_sample())));
  test::check_golden("report-judged.json", report_json(with_few_layers(judged_sample_report())));
  test::check_golden("report.md", find_report_format("markdown").render(judged_sample_report(), {}));
  test::check_golden("compare-100.txt", comparison_report(compare_reports(judged_sample_report(), later_sample(), true), {100, false, true}));
}

// A report whose texts are as bad as a model's can be.
RunReport hostile_sample() {
  RunReport report = judged_sample_report();
  const std::string bad = "\x1b]0;title\x07\x1b[2J\r\n漢字漢字漢字漢字 \xe2\x80\xae\xff👩\xe2\x80\x8d🚀 e\xcc\x81 ``` | <b> &amp;";
  report.prompt.text = report.warnings[0] = report.model.path = report.reproduce = bad;
  for (LaneReport& lane : report.lanes) {
    lane.name += bad;
    lane.reason = lane.reproduce = bad;
    if (lane.free) lane.free->text.insert(40, bad);
    if (lane.free && lane.free->first_divergence) lane.free->first_divergence->candidate.text = bad;
    for (PeerFailure& failure : lane.peer_failures) failure.verdict.message = bad;
  }
  return report;
}

// Commands are left out: they are broken where a shell may break them.
void check_lines(const std::string& text, int width) {
  std::istringstream lines(text.substr(0, text.find("TO REPRODUCE")));
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    CHECK(columns(line) <= width);
  }
}

TEST_CASE("no line is longer than the terminal, whatever the width and the text", "[reports]") {
  for (const RunReport& report : {measured_sample(), judged_sample_report(), hostile_sample(), RunReport{}}) {
    for (const int width : {40, 52, 60, 79, 80, 100, 120, 200}) check_lines(console_report(report, {width, false, true}), width);
    check_lines(console_report(report, {1, false, false}), 40);
    check_lines(console_report(report, {100000, false, true}), 200);
  }
}

TEST_CASE("nothing in a model's text reaches the terminal as a control character", "[reports]") {
  const auto is_control = [](unsigned char c) { return (c < 0x20 && c != '\n') || c == 0x7f; };
  for (const char* format : {"console", "markdown"}) {
    const std::string text = find_report_format(format).render(hostile_sample(), {});
    CHECK(std::ranges::none_of(text, is_control));
    CHECK(text.find("\xe2\x80\xae") == text.npos);
    CHECK(text.find("\xff") == text.npos);
  }
  const std::string ascii = console_report(hostile_sample(), {80, false, false});
  CHECK(std::ranges::all_of(ascii, [&](unsigned char c) { return c < 0x80 && !is_control(c); }));
}

TEST_CASE("a text cannot break out of a Markdown table, nor bring HTML", "[reports]") {
  RunReport report = measured_sample();
  report.lanes[2].name = "a | b ` <script>";
  const std::string text = find_report_format("markdown").render(report, {});
  CHECK(text.find("<script>") == text.npos);
  CHECK(text.find("a \\| b \\` \\<script\\>") != text.npos);
}

TEST_CASE("formats are found by name, and misspelt ones refused with the nearest", "[reports]") {
  for (const ReportFormat& format : report_formats()) {
    CHECK(find_report_format(format.name).name == format.name);
    CHECK_FALSE(format.render(RunReport{}, {}).empty());
  }
  CHECK_THAT(test::message_of(ExitCode::usage, [] { find_report_format("jsn"); }), Catch::Contains("nearest: json"));
}

TEST_CASE("the verdict's word follows the exit code", "[reports]") {
  const auto first_word = [](const RunReport& report) {
    const std::string text = console_report(report, {});
    return text.substr(0, text.find("  "));
  };
  CHECK(first_word(measured_sample()) == "MEASURED");
  CHECK(first_word(judged(sample_report(), {{"bytes", 1e9}})) == "PASSED");
  CHECK(first_word(judged(sample_report(), {{"bytes", 1}})) == "FAILED");
  RunReport report = sample_report();
  report.floors.control.exact = false;
  CHECK(first_word(judged(report, {})) == "INVALID");
  CHECK_THAT(console_report(judged(report, {}), {}), Catch::Contains("The control lane differs"));
  report = sample_report();
  report.partial = true;
  CHECK(first_word(judged(report, {})) == "INTERRUPTED");
  report = sample_report();
  report.lanes.resize(2);
  CHECK(first_word(judged(report, {})) == "NOTHING TO COMPARE");
  report = sample_report();
  report.lanes[0].free->gibberish->onset = 4;
  CHECK_THAT(console_report(judged(report, {}), {}), Catch::Contains("The reference itself is gibberish"));
}

}  // namespace
}  // namespace kvdiff
