#include "harness/verdict/verdict.h"

#include <limits>

#include "harness/verdict/exit_codes.h"
#include "harness/verdict/limits.h"
#include "harness/verdict/receipt_check.h"
#include "tests/catch.h"
#include "tests/support/expect_error.h"
#include "tests/support/sample_report.h"

namespace kvdiff {
namespace {

constexpr size_t int8 = 2, mixed = 3, four_bit = 4, two_bit = 5, overflowing = 6;  // lanes of the sample

using Limits = std::vector<LimitReport>;

RunReport judged_with(const Limits& limits) { return judged(sample_report(), limits); }

template <class Change> RunReport judged_after(Change&& change, const Limits& limits = {}) {
  RunReport report = sample_report();
  change(report);
  return judged(report, limits);
}

TEST_CASE("without limits every sound lane is measured, gibberish and NaN too", "[verdict]") {
  const RunReport report = judged_with({});
  for (const LaneReport& lane : report.lanes) CHECK(lane.status == LaneStatus::measured);
  CHECK(report.exit_code == 0);
}

TEST_CASE("a limit passes and fails lanes, with value, limit and place", "[verdict]") {
  const RunReport report = judged_with({{"kld_max", 0.01}, {"first_divergence", 16}});
  CHECK(report.exit_code == 1);
  CHECK(report.lanes[0].status == LaneStatus::measured);
  CHECK(report.lanes[int8].status == LaneStatus::passed);
  CHECK(report.lanes[mixed].status == LaneStatus::failed);
  REQUIRE(report.lanes[mixed].breach);
  CHECK(report.lanes[mixed].breach->metric == "kld_max");
  CHECK(report.lanes[mixed].breach->limit == 0.01);
  CHECK(*report.lanes[mixed].breach->value.value > 0.01);
  CHECK(report.lanes[mixed].breach->step == 42);
  CHECK_THAT(report.lanes[mixed].reason, Catch::Contains("kld_max") && Catch::Contains("step 42") && Catch::Contains("0.01"));
  CHECK(report.limits.size() == 2);
}

TEST_CASE("where smaller is worse the limit is a minimum", "[verdict]") {
  CHECK(judged_with({{"first_divergence", 17}}).lanes[four_bit].status == LaneStatus::passed);
  const RunReport report = judged_with({{"first_divergence", 18}});
  CHECK(report.lanes[four_bit].status == LaneStatus::failed);
  CHECK(report.lanes[four_bit].breach->step == 17);
  CHECK(report.lanes[int8].status == LaneStatus::passed);  // it never parts
  CHECK(judged_with({{"saving", 0.5}}).lanes[two_bit].status == LaneStatus::passed);
  CHECK(judged_with({{"saving", 0.5}}).lanes[int8].status == LaneStatus::failed);
}

TEST_CASE("a limit on a stage looks at the worst layer", "[verdict]") {
  const RunReport report = judged_with({{"local.key.relative_l2", 0.1}});
  CHECK(report.lanes[int8].status == LaneStatus::passed);
  REQUIRE(report.lanes[four_bit].breach);
  CHECK(report.lanes[four_bit].breach->layer == 29);
}

TEST_CASE("flips are counted whole and without near-ties", "[verdict]") {
  CHECK(judged_with({{"flips", 0}}).lanes[mixed].status == LaneStatus::failed);
  CHECK(judged_with({{"real_flips", 0}}).lanes[mixed].status == LaneStatus::passed);
  CHECK(judged_with({{"real_flips", 3}}).lanes[four_bit].status == LaneStatus::failed);
  const RunReport unknown = judged_after([](RunReport& r) { r.lanes[mixed].forced->flips[0].near_tie = NearTie::unknown; },
                                         {{"real_flips", 100}});
  CHECK(unknown.lanes[mixed].status == LaneStatus::inconclusive);
  CHECK_THAT(unknown.lanes[mixed].reason, Catch::Contains("arithmetic floor"));
}

TEST_CASE("values that are not finite break the limits of their mode and no others", "[verdict]") {
  const RunReport forced = judged_with({{"kld_mean", 1e9}});
  CHECK(forced.lanes[overflowing].status == LaneStatus::failed);
  CHECK(forced.lanes[overflowing].breach->step == 40);
  CHECK(forced.lanes[overflowing].breach->value.reason == "NaN");
  CHECK(judged_with({{"bytes", 1e9}}).lanes[overflowing].status == LaneStatus::passed);
}

TEST_CASE("a limit that nothing measured fails; one that a single lane lacks is inconclusive", "[verdict]") {
  const auto without_forced = [](RunReport& report) {
    for (LaneReport& lane : report.lanes) lane.forced.reset(), lane.not_finite.clear();
  };
  const RunReport nothing = judged_after(without_forced, {{"kld_mean", 1}});
  CHECK(nothing.exit_code == 1);
  CHECK(nothing.lanes[int8].status == LaneStatus::failed);
  CHECK_THAT(nothing.lanes[int8].reason, Catch::Contains("nothing matched") && Catch::Contains("forced mode was not run"));

  const RunReport one = judged_after([](RunReport& r) { r.lanes[int8].forced.reset(); r.lanes.resize(5); }, {{"kld_mean", 100}});
  CHECK(one.lanes[int8].status == LaneStatus::inconclusive);
  CHECK(one.lanes[mixed].status == LaneStatus::passed);
  CHECK(one.exit_code == 7);
}

TEST_CASE("a control that differs makes everything invalid", "[verdict]") {
  const RunReport report = judged_after([](RunReport& r) { r.floors.control = {true, false, "step 3, layer 7, keys"}; }, {{"kld_mean", 100}});
  CHECK(report.exit_code == 8);
  CHECK(report.lanes[1].status == LaneStatus::invalid);
  CHECK(report.lanes[int8].status == LaneStatus::invalid);
  CHECK_THAT(report.lanes[1].reason, Catch::Contains("step 3, layer 7, keys"));
}

TEST_CASE("recomputation without a cache must agree, unless it is excluded by name or the run was cut short", "[verdict]") {
  CHECK(judged_after([](RunReport& r) { r.floors.recomputation = {true, false, "logits of step 9"}; }).exit_code == 8);
  CHECK(judged_after([](RunReport& r) { r.floors.recomputation = {}; }).exit_code == 8);
  CHECK(judged_after([](RunReport& r) { r.floors.recomputation = {false, false, "dynamic RoPE scaling"}; }).exit_code == 0);
  CHECK(judged_after([](RunReport& r) { r.floors.recomputation = {}, r.partial = true; }).exit_code == 75);
}

TEST_CASE("NaN in the reference is rejected input", "[verdict]") {
  const RunReport report = judged_after([](RunReport& r) { r.lanes[overflowing].not_finite[0].in_reference = true; });
  CHECK(report.exit_code == 3);
  CHECK(report.lanes[0].status == LaneStatus::error);
  CHECK(report.lanes[int8].status == LaneStatus::inconclusive);
  CHECK(judged(report, {}).exit_code == 3);  // judged again, as `show` does
}

TEST_CASE("each way in which a receipt proves nothing is invalid and says which", "[verdict]") {
  struct Fault {
    void (*plant)(SideReceipt&);
    const char* message;
  };
  const Fault faults[] = {
      {[](SideReceipt& r) { r = {}; r.tokens_residual = 84; }, "nothing was quantized"},
      {[](SideReceipt& r) { r.quantized_reads = 0; }, "never read"},
      {[](SideReceipt& r) { r.distinct_codes = 0; }, "no code"},
      {[](SideReceipt& r) { r.measured.codes += 1; }, "arithmetic says"},
      {[](SideReceipt& r) { r.largest_error = 1; }, "at most 0.25"},
      {[](SideReceipt& r) { r.out_of_band = 2; }, "2 blocks"},
      {[](SideReceipt& r) { r.largest_error = 0; }, "nothing was rounded"},
  };
  for (const Fault& fault : faults) {
    INFO(fault.message);
    const RunReport report = judged_after([&](RunReport& r) { fault.plant(r.lanes[int8].receipt.layers[7].value.receipt); });
    CHECK(report.exit_code == 8);
    CHECK(report.lanes[int8].status == LaneStatus::invalid);
    CHECK_THAT(report.lanes[int8].reason, Catch::Contains("layer 7, values") && Catch::Contains(fault.message));
    CHECK(report.lanes[mixed].status == LaneStatus::measured);
  }
  CHECK_THAT(judged_after([](RunReport& r) { r.lanes[int8].receipt.layers.clear(); }).lanes[int8].reason, Catch::Contains("no receipt"));
  CHECK_THAT(judged_after([](RunReport& r) { r.lanes[int8].bytes.total += 8; }).lanes[int8].reason, Catch::Contains("not the sum"));
}

TEST_CASE("a side that claims nothing needs no proof", "[verdict]") {
  LaneReport lane = sample_report().lanes[int8];
  for (LayerProof& layer : lane.receipt.layers) layer.value = {"full", false, {}};
  CHECK(receipt_fault(lane).empty());
}

TEST_CASE("an interrupted run is 75, and its limits hold only so far", "[verdict]") {
  const auto cut = [](RunReport& r) { r.partial = true; };
  const RunReport report = judged_after(cut, {{"first_divergence", 18}});
  CHECK(report.exit_code == 75);
  CHECK(report.lanes[int8].status == LaneStatus::inconclusive);
  CHECK(report.lanes[four_bit].status == LaneStatus::failed);
}

TEST_CASE("no candidate, or none that ran: nothing to do", "[verdict]") {
  CHECK(judged_after([](RunReport& r) { r.lanes.resize(2); }).exit_code == 5);
  CHECK(judged_after([](RunReport& r) {
          r.lanes.resize(3);
          r.lanes[int8].status = LaneStatus::skipped;
        }).exit_code == 5);
}

TEST_CASE("the engine's errors and skips stay, and the worst code wins", "[verdict]") {
  const RunReport report = judged_sample_report();
  CHECK(report.exit_code == 2);  // an error of usage, before invalid, before failed
  CHECK(report.lanes[7].status == LaneStatus::invalid);
  CHECK(report.lanes[8].status == LaneStatus::error);
  CHECK(report.lanes[9].status == LaneStatus::skipped);
  CHECK(judged(report, report.limits).exit_code == 2);
  CHECK(judged_after([](RunReport& r) { r.lanes[int8].status = LaneStatus::error; }).exit_code == 70);
}

TEST_CASE("of several exit codes the most urgent one", "[verdict]") {
  const ExitCode order[] = {ExitCode::internal, ExitCode::io,           ExitCode::interrupted,   ExitCode::environment,
                            ExitCode::usage,    ExitCode::input,        ExitCode::invalid,       ExitCode::baseline,
                            ExitCode::regression, ExitCode::inconclusive, ExitCode::nothing_to_do, ExitCode::passed};
  for (size_t i = 0; i < std::size(order); ++i) {
    for (size_t j = i; j < std::size(order); ++j) CHECK(most_urgent(std::vector{order[j], order[i]}) == order[i]);
    CHECK(exit_code_of(static_cast<int>(order[i])) == order[i]);
    CHECK_FALSE(meaning_of(order[i]).empty());
  }
  CHECK(most_urgent({}) == ExitCode::passed);
  test::check_refused([] { exit_code_of(9); }, "9");
}

TEST_CASE("limits are read, and what is none of them is refused with the nearest", "[verdict]") {
  const LimitReport limit = parse_limit("kld_mean=0.05");
  CHECK(limit.metric == "kld_mean");
  CHECK(limit.value == 0.05);
  CHECK(parse_limit("first_divergence=1e2").value == 100);
  CHECK(parse_limit("forced.hidden.relative_l2=0.5").metric == "forced.hidden.relative_l2");
  const auto refusal = [](const char* text) { return test::message_of(ExitCode::usage, [&] { parse_limit(text); }); };
  CHECK_THAT(refusal("kld_meen=0.05"), Catch::Contains("Did you mean 'kld_mean'"));
  CHECK_THAT(refusal("local.key.kld_mean=1"), Catch::Contains("MODE.STAGE.METRIC"));
  CHECK_THAT(refusal("kld_mean"), Catch::Contains("no equals sign"));
  CHECK_THAT(refusal("kld_mean=much"), Catch::Contains("\"much\""));
  CHECK_THAT(refusal("kld_mean=nan"), Catch::Contains("a number"));
  CHECK_THAT(refusal("kld_mean="), Catch::Contains("a number"));
  CHECK_THAT(refusal("reference_perplexity=3"), Catch::Contains("neither more nor less is worse"));
}

TEST_CASE("every row of the limits can be measured, on a full lane and on an empty one", "[verdict]") {
  const RunReport report = sample_report();
  for (const LimitMetric& row : limit_metrics()) {
    INFO(row.name);
    CHECK(row.measure(report.lanes[four_bit]).figure.value.has_value());
    const LimitFigure none = row.measure(LaneReport{});
    CHECK((none.figure.value.has_value() || !none.figure.reason.empty()));
  }
}

}  // namespace
}  // namespace kvdiff
