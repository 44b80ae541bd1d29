#include "harness/compare/compare_reports.h"

#include "reports/comparison.h"
#include "tests/catch.h"
#include "tests/support/expect_error.h"
#include "tests/support/sample_report.h"

namespace kvdiff {
namespace {

constexpr size_t int8 = 2, four_bit = 4;  // lanes of the sample

const FigureChange* change_of(const LaneComparison& lane, std::string_view metric) {
  for (const FigureChange& change : lane.figures) {
    if (change.metric == metric) return &change;
  }
  return nullptr;
}

TEST_CASE("a report compared with itself has not changed", "[compare]") {
  const Comparison comparison = compare_reports(sample_report(), sample_report(), false);
  CHECK(comparison.changed == 0);
  for (const LaneComparison& lane : comparison.lanes) {
    INFO(lane.name);
    CHECK_FALSE(lane.changed());
    CHECK(lane.same_bits);
  }
  CHECK_THAT(comparison_report(comparison, {}), Catch::StartsWith("SAME"));
}

TEST_CASE("what changed, lane by lane, and whether it is better", "[compare]") {
  RunReport after = sample_report();
  LaneReport& lane = after.lanes[four_bit];
  lane.free->first_divergence->step = 9;
  lane.free->tokens[9] = 1;
  lane.forced->summary[0].figure.value = 0.001;
  lane.bytes.total -= 1024;
  lane.status = LaneStatus::failed;
  const Comparison comparison = compare_reports(sample_report(), after, false);
  const LaneComparison& changed = comparison.lanes[four_bit];
  CHECK(comparison.changed == 1);
  CHECK(comparison.worse == 1);
  CHECK(changed.status_after == LaneStatus::failed);
  CHECK(changed.first_token_change == 9);
  REQUIRE(change_of(changed, "first_divergence"));
  CHECK(change_of(changed, "first_divergence")->trend == Trend::worse);
  CHECK(change_of(changed, "kld_mean")->trend == Trend::better);
  CHECK(change_of(changed, "bytes")->trend == Trend::better);
  CHECK(change_of(changed, "saving")->trend == Trend::better);
  CHECK(change_of(changed, "kld_max") == nullptr);
  const std::string text = comparison_report(comparison, {});
  CHECK_THAT(text, Catch::Contains("worse (earlier)") && Catch::Contains("differ from step 9 on"));
}

TEST_CASE("a lane that stops parting has become better", "[compare]") {
  RunReport after = sample_report();
  after.lanes[four_bit].free->first_divergence.reset();
  const Comparison comparison = compare_reports(sample_report(), after, false);
  CHECK(change_of(comparison.lanes[four_bit], "first_divergence")->trend == Trend::better);
  CHECK(comparison.better == 1);
  CHECK_THAT(comparison_report(comparison, {}), Catch::Contains("never"));
}

TEST_CASE("lanes are matched by what they are, not by where they stand", "[compare]") {
  RunReport after = sample_report();
  std::swap(after.lanes[int8], after.lanes[four_bit]);
  CHECK(compare_reports(sample_report(), after, false).changed == 0);
  after.lanes[int8].canonical = "int4";
  const Comparison comparison = compare_reports(sample_report(), after, false);
  CHECK(comparison.only_before == 1);
  CHECK(comparison.only_after == 1);
  CHECK_THAT(comparison_report(comparison, {}), Catch::Contains("only in the report before"));
}

TEST_CASE("equal lanes are matched one by one", "[compare]") {
  RunReport both = sample_report();
  both.lanes.push_back(both.lanes[int8]);
  both.lanes.back().bytes.total += 1;
  CHECK(compare_reports(both, both, false).changed == 0);
}

TEST_CASE("reports of different builds or inputs are refused, and compared loudly when that is wanted", "[compare]") {
  std::string DigestsReport::*digests[] = {&DigestsReport::build, &DigestsReport::model, &DigestsReport::tokenizer,
                                           &DigestsReport::prompt, &DigestsReport::config};
  const char* names[] = {"build", "model", "tokenizer", "prompt", "config"};
  for (size_t i = 0; i < std::size(digests); ++i) {
    RunReport after = sample_report();
    after.digests.*digests[i] = "ffff000011112222";
    const std::string message = test::message_of(ExitCode::usage, [&] { compare_reports(sample_report(), after, false); });
    CHECK_THAT(message, Catch::Contains(names[i]) && Catch::Contains("ffff000011112222") && Catch::Contains("--anyway"));
    const std::string text = comparison_report(compare_reports(sample_report(), after, true), {});
    CHECK_THAT(text, Catch::StartsWith("NOT THE SAME") && Catch::Contains("ffff000011112222"));
  }
  RunReport unknown = sample_report();
  unknown.digests.build.clear();
  CHECK_THAT(test::message_of(ExitCode::usage, [&] { compare_reports(unknown, unknown, false); }), Catch::Contains("unknown"));
}

}  // namespace
}  // namespace kvdiff
