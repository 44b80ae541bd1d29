#include "harness/diagnose/arithmetic.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/diagnose/diagnose.h"
#include "harness/diagnose/trials.h"
#include "reports/registry.h"
#include "tests/catch.h"
#include "tests/harness/diagnose/tiny_folder.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

// A floor of our choice at every step, and a look at what was asked.
RunPlace with_floor(double floor, int64_t* steps = nullptr) {
  RunPlace place;
  place.measure_floor = [=](const FloorRequest& request) {
    const auto count = static_cast<int64_t>(request.tokens.size()) - request.first;
    for (int64_t step = 0; step < count; ++step) request.logits(step);
    if (request.first == 0) return std::vector<double>(static_cast<size_t>(count), 0.0);  // the checks ask, too
    if (steps) *steps = count;
    return std::vector<double>(static_cast<size_t>(count), floor);
  };
  return place;
}

// One coarse side among fine ones.
TinyLlama four_layers() {
  TinyLlama model;
  model.layers = 4;
  return model;
}
constexpr const char* one_coarse = "hqq:bits=8,group=16,residual=0+1@k=hqq:bits=1,group=16/v=hqq:bits=8,group=16";

}  // namespace

TEST_CASE("arithmetic: what lies below the floor is nothing to explain, with both figures", "[diagnose]") {
  const TinyFolder tiny;
  const Case run = tiny.ask("hqq:bits=2,group=16,residual=4");
  const Diagnosis found = diagnose(run, {}, with_floor(1e6), {});
  INFO(diagnosis_json(found));
  CHECK(found.finding == Finding::nothing);
  CHECK(found.exit_code == 5);
  CHECK(found.arithmetic.below);
  CHECK(found.scan.empty());
  CHECK(found.headline.find("1e+06") != std::string::npos);
  CHECK(found.headline.find(fmt::format("{:.3g}", *found.arithmetic.candidate)) != std::string::npos);
  REQUIRE(found.first_flip.at);
  CHECK(found.first_flip.at->near_tie == NearTie::yes);
  CHECK(found.first_flip.shares.empty());
  CHECK(found.first_flip.account.find("no more than rounding does") != std::string::npos);
}

TEST_CASE("arithmetic: above the floor the flip is real, and the floor is measured over the window", "[diagnose]") {
  const TinyFolder tiny;
  int64_t steps = 0;
  const Diagnosis found = diagnose(tiny.ask("hqq:bits=2,group=16,residual=4"), {}, with_floor(1.23456e-6, &steps), {});
  INFO(diagnosis_json(found));
  CHECK(found.exit_code == 0);
  CHECK(steps == found.window_steps);
  CHECK(found.arithmetic.measured);
  CHECK(found.arithmetic.floor == 1.23e-6);
  CHECK(found.arithmetic.by_step.size() == static_cast<size_t>(found.window_steps));
  CHECK(found.arithmetic.parts_below.empty());
  CHECK(found.first_flip.at->near_tie == NearTie::no);
  CHECK(found.first_flip.account.find("A real flip") != std::string::npos);
  for (const std::string& report : {diagnosis_console(found, {}), diagnosis_markdown(found, {})}) CHECK(report.find("1.23e-06") != std::string::npos);
}

TEST_CASE("arithmetic: a side that does no more than the floor is never named", "[diagnose]") {
  const TinyFolder tiny(four_layers());
  const Diagnosis loose = diagnose(tiny.ask(one_coarse), {}, {}, {});
  REQUIRE(loose.arithmetic.candidate);
  const Diagnosis found = diagnose(tiny.ask(one_coarse), {}, with_floor(*loose.arithmetic.candidate / 4), {});
  INFO(diagnosis_json(found));
  CHECK(found.place.set.parts == Parts{{1, Side::key, -1}});
  const Parts& below = found.arithmetic.parts_below;
  CHECK(below.size() == 7);
  CHECK(std::find(below.begin(), below.end(), Part{1, Side::key, -1}) == below.end());
  const std::string text = diagnosis_markdown(found, {});
  CHECK(text.find("| layer 1 keys |") != std::string::npos);
  CHECK(text.find("| layer 0 keys |") == std::string::npos);  // neither a suspect nor a share of the flip
}

TEST_CASE("arithmetic: where no side stands out of the floor alone, the error is diffuse", "[diagnose]") {
  const TinyFolder tiny(four_layers());
  const Case run = tiny.ask("hqq:bits=4,group=16,residual=4");
  const Diagnosis loose = diagnose(run, {}, {}, {});
  const Diagnosis found = diagnose(run, {}, with_floor(*loose.arithmetic.candidate * 0.98), {});
  INFO(diagnosis_json(found));
  CHECK(found.exit_code == 0);
  CHECK(found.arithmetic.parts_below.size() == 8);
  CHECK(found.finding == Finding::diffuse);
  CHECK(found.restored.scores.empty());
  CHECK(diagnosis_console(found, {}).find("no single one does more than rounding does") != std::string::npos);
}

TEST_CASE("arithmetic: without an oracle it is not measured, and says so", "[diagnose]") {
  const TinyFolder tiny;
  const Diagnosis found = diagnose(tiny.ask("hqq:bits=2,group=16,residual=4"), {}, {}, {});
  CHECK_FALSE(found.arithmetic.measured);
  CHECK(text_of(found.arithmetic).find("built without torch") != std::string::npos);
  CHECK(found.first_flip.at->near_tie == NearTie::unknown);
}

TEST_CASE("arithmetic: logits that are not finite are never below a floor, equal ones are", "[diagnose]") {
  ArithmeticFinding found;
  found.measured = true;
  found.floor = 0.5;
  TrialAnswer answer;
  answer.largest = 0.5;
  judge_candidate(answer, found);
  CHECK(found.below);
  CHECK(*found.candidate == 0.5);
  ArithmeticFinding broken;
  broken.measured = true;
  broken.floor = 0.5;
  answer.not_finite = 1;
  judge_candidate(answer, broken);
  CHECK_FALSE(broken.below);
  CHECK_FALSE(broken.candidate);
  CHECK(text_of(broken).find("not finite") != std::string::npos);
}
