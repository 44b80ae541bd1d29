#include "harness/diagnose/first_flip.h"

#include "harness/diagnose/diagnose.h"
#include "harness/diagnose/walk.h"
#include "harness/run/prepare.h"
#include "reports/registry.h"
#include "tests/catch.h"
#include "tests/harness/diagnose/tiny_folder.h"
#include "tests/support/engine_fixture.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

constexpr const char* spec_text = "hqq:bits=2,group=16,residual=4";

// The logits of one step, by a run of its own.
class StepLogits : public Observer {
 public:
  explicit StepLogits(int64_t step) : step_(step) {}
  void on(const Observation& seen) override {
    if (seen.lane == 2 && seen.mode == Mode::forced && seen.stage == Stage::logits && seen.step == step_)
      logits.assign(seen.candidate.begin(), seen.candidate.end());
  }
  std::vector<float> logits;

 private:
  const int64_t step_;
};

double gap_of(const Loaded& loaded, const Case& asked, const CacheSpec& spec, const FirstFlip& flip) {
  Case run = asked;
  run.caches = {spec};
  run.modes = {"forced"};
  StepLogits seen(flip.at->step);
  run_lockstep(*loaded.engine, lockstep_input(run, loaded.ready, &seen), {});
  return static_cast<double>(seen.logits[static_cast<size_t>(flip.at->reference.id)]) -
         static_cast<double>(seen.logits[static_cast<size_t>(flip.at->candidate.id)]);
}

}  // namespace

TEST_CASE("first flip: the shares are what runs of their own show, and everything adds up", "[diagnose]") {
  TinyLlama model;
  model.layers = 3;
  const TinyFolder tiny(model);
  const Case run = tiny.ask(spec_text);
  const Diagnosis found = diagnose(run, {}, {}, {});
  const FirstFlip& flip = found.first_flip;
  INFO(diagnosis_json(found));
  REQUIRE(flip.at);
  REQUIRE(flip.reason.empty());
  CHECK(flip.reference_gap > 0);
  CHECK(*flip.candidate_gap <= 0);
  const Loaded loaded = load_case(run, {});
  const CacheSpec spec = parse_cache_spec(spec_text);
  CHECK(gap_of(loaded, run, spec, flip) == *flip.candidate_gap);
  CHECK(gap_of(loaded, run, parse_cache_spec("int8:residual=128,schedule=streaming"), flip) > 0);
  REQUIRE(flip.shares.size() == 6);
  double exempt_sum = 0;
  for (size_t i = 0; i < flip.shares.size(); ++i) {
    const FlipShare& one = flip.shares[i];
    CHECK(*one.exempt == gap_of(loaded, run, exempting(spec, 3, {one.part}), flip) - *flip.candidate_gap);
    CHECK(*one.alone == flip.reference_gap - gap_of(loaded, run, quantizing_only(spec, 3, {one.part}), flip));
    if (i > 0) CHECK(*one.exempt <= *flip.shares[i - 1].exempt);
    exempt_sum += *one.exempt;
  }
  CHECK(*flip.exempt_sum == exempt_sum);
  REQUIRE(flip.set_gap);
  CHECK(*flip.set_gap == gap_of(loaded, run, exempting(spec, 3, found.place.set.parts), flip));
  if (flip.healed) CHECK(*flip.set_gap > 0);
}

TEST_CASE("first flip: one side that is all of it has all of the gap, and the flip heals", "[diagnose]") {
  TinyLlama model;
  model.layers = 4;
  const TinyFolder tiny(model);
  const Diagnosis found = diagnose(tiny.ask("full+2@k=hqq:bits=1,group=16,residual=0/v=full"), {}, {}, {});
  const FirstFlip& flip = found.first_flip;
  INFO(diagnosis_json(found));
  REQUIRE(flip.shares.size() == 1);
  CHECK(*flip.shares[0].exempt == *flip.change());
  CHECK(*flip.shares[0].alone == *flip.change());
  CHECK(*flip.set_gap == flip.reference_gap);
  CHECK(flip.healed);
  CHECK(flip.account.find("the flip heals") != std::string::npos);
  CHECK(flip.account.find("arithmetic floor was not measured") != std::string::npos);
  for (const std::string& report : {diagnosis_console(found, {}), diagnosis_markdown(found, {})}) {
    INFO(report);
    for (const char* word : {"layer 2 keys", "gap between the two", "not additive"}) CHECK(report.find(word) != std::string::npos);
  }
}

TEST_CASE("first flip: where it cannot be explained, the reason is said", "[diagnose]") {
  TinyEngine tiny;
  const LockstepInput input = lockstep_of({});
  const CacheSpec spec = parse_cache_spec(spec_text);
  const LockstepResult followed = run_lockstep(tiny.engine(), input, {});
  const Material material = material_of(tiny.engine(), input.prompt, followed.followed);
  Divergence parting;
  parting.reference = {followed.followed[5], "a", 2, -1};
  parting.candidate = {followed.followed[5] + 1, "b", 2, -1};
  const auto explained = [&](std::optional<Divergence> divergence, bool asked) {
    Diagnosis result;
    Trials trials(tiny.engine(), {input, {1, 16}, 10, 20, FlipPoint{5, parting.reference.id, parting.candidate.id}}, {});
    Walk walk{trials, {spec, 2, 1}, material, result};
    if (asked) trials.ask({{parse_cache_spec("full"), {}}, {spec, {}}});
    explain_flip(walk, divergence);
    return result.first_flip;
  };
  CHECK(explained(std::nullopt, true).reason == "the text never parts");
  CHECK(explained(std::nullopt, true).account.empty());
  parting.step = 5;
  CHECK(explained(parting, false).reason.find("budget") != std::string::npos);
  CHECK(explained(parting, true).reason.find("before every side was asked") != std::string::npos);
  Diagnosis result;
  Trials trials(tiny.engine(), {input, {1, 16}, 10, 20, FlipPoint{5, parting.reference.id, parting.candidate.id}}, {});
  Walk reference{trials, {parse_cache_spec("full"), 2, 1}, material, result};
  trials.ask({{parse_cache_spec("full"), {}}});
  explain_flip(reference, parting);
  CHECK(result.first_flip.reason.find("does not flip there") != std::string::npos);
}

TEST_CASE("first flip: behind the window it is explained by the same figures as within it", "[diagnose]") {
  TinyEngine tiny;
  const LockstepResult free = run_lockstep(tiny.engine(), lockstep_of({spec_text}), {});
  const std::optional<Divergence> parting = free.lanes[2].divergence;
  REQUIRE(parting);
  REQUIRE(parting->step >= 1);
  const LockstepInput input = lockstep_of({});
  const Material material = material_of(tiny.engine(), input.prompt, free.followed);
  const auto explained = [&](const TrialWindow& window) {
    Diagnosis result;
    Trials trials(tiny.engine(), {input, window, 50, 20, FlipPoint{parting->step, parting->reference.id, parting->candidate.id}}, {});
    trials.follow_flip(true);
    trials.ask({{parse_cache_spec(spec_text), {}}});
    Walk walk{trials, {parse_cache_spec(spec_text), 2, 1}, material, result};
    result.scan = scan(trials, walk.subject);
    explain_flip(walk, parting);
    return result.first_flip;
  };
  const FirstFlip behind = explained({0, parting->step}), within = explained({0, parting->step + 1});
  INFO(behind.account);
  CHECK(behind.reason.empty());
  CHECK(*behind.candidate_gap == *within.candidate_gap);
  REQUIRE(behind.shares.size() == 4);
  for (size_t i = 0; i < behind.shares.size(); ++i) {
    CHECK(behind.shares[i].part == within.shares[i].part);
    CHECK(*behind.shares[i].exempt == *within.shares[i].exempt);
    CHECK(*behind.shares[i].alone == *within.shares[i].alone);
  }
  CHECK(behind.account.find("The divergence shows from step 0, long before") != std::string::npos);
  CHECK(within.account.find("long before") == std::string::npos);
}
