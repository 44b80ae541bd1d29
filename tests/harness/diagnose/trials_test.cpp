#include "harness/diagnose/trials.h"

#include <cmath>

#include "harness/diagnose/material.h"
#include "tests/catch.h"
#include "tests/support/engine_fixture.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

constexpr int64_t layers = 2;
const CacheSpec spec = parse_cache_spec("hqq:bits=3,group=16,residual=4");

TrialPlan plan_of(int64_t budget = 100, int64_t lanes_per_batch = 20) {
  TrialPlan plan{lockstep_of({}), {1, 16}, budget};
  plan.lanes_per_batch = lanes_per_batch;
  return plan;
}

std::vector<Trial> some_trials() {
  std::vector<Trial> trials = {{spec, {}}};
  for (const Part& part : quantized_parts(spec, layers)) {
    trials.push_back({exempting(spec, layers, {part}), {}});
    trials.push_back({quantizing_only(spec, layers, {part}), {}});
    trials.push_back({spec, patch_of(PatchKind::exempt, heads_of({part}, 1))});
  }
  return trials;
}

// What a lane saw, as bits.
std::string logits_of(Engine& engine, const CacheSpec& cache, const Patch& patch) {
  LockstepInput input = lockstep_of({});
  input.lanes.push_back({"lane", cache, false});
  RunHooks hooks;
  hooks.wrap_cache = [&](LaneId lane, Mode, std::unique_ptr<KvCache> made) {
    return lane == 2 ? make_patched_cache(std::move(made), patch) : std::move(made);
  };
  const LockstepResult result = run_lockstep(engine, input, hooks);
  return hex(result.lanes[2].forced->digest.logits.value());
}

}  // namespace

TEST_CASE("trials: every side exempt is the reference, no side exempt is the candidate, bit for bit", "[diagnose]") {
  for (const Dtype dtype : {Dtype::float16, Dtype::float32}) {
    TinyEngine tiny({.dtype = dtype});
    for (const char* text : {"hqq:bits=3,group=16,residual=4", "int4", "hqq:bits=2,group=16,residual=3,schedule=streaming"}) {
      const CacheSpec cache = parse_cache_spec(text);
      const std::string reference = logits_of(tiny.engine(), parse_cache_spec("full"), {});
      const std::string candidate = logits_of(tiny.engine(), cache, {});
      REQUIRE(candidate != reference);
      const Parts all = quantized_parts(cache, layers);
      CHECK(logits_of(tiny.engine(), cache, patch_of(PatchKind::exempt, all)) == reference);
      CHECK(logits_of(tiny.engine(), cache, patch_of(PatchKind::withhold, all)) == reference);
      CHECK(logits_of(tiny.engine(), cache, patch_of(PatchKind::exempt, heads_of(all, 2))) == reference);
      CHECK(logits_of(tiny.engine(), exempting(cache, layers, {}), {}) == candidate);
    }
  }
}

TEST_CASE("trials: a side exempted by the spec is the same bits as one exempted by a patch", "[diagnose]") {
  TinyEngine tiny({.dtype = Dtype::float16});
  for (const char* text : {"hqq:bits=3,group=16,residual=4", "hqq:bits=4,group=16,residual=5,prefill=quantized", "int4"}) {
    const CacheSpec cache = parse_cache_spec(text);
    for (const Part& part : quantized_parts(cache, layers)) {
      INFO(text << " " << text_of(part));
      const std::string by_spec = logits_of(tiny.engine(), exempting(cache, layers, {part}), {});
      CHECK(by_spec == logits_of(tiny.engine(), cache, patch_of(PatchKind::exempt, {part})));
      CHECK(by_spec == logits_of(tiny.engine(), cache, patch_of(PatchKind::withhold, {part})));
    }
  }
}

TEST_CASE("trials: answers depend neither on the batch nor on the order, and equal trials are asked once", "[diagnose]") {
  TinyEngine tiny;
  const std::vector<Trial> trials = some_trials();
  Trials together(tiny.engine(), plan_of(), {}), singly(tiny.engine(), plan_of(100, 1), {});
  const auto all = together.ask(trials);
  CHECK(together.asked() == static_cast<int64_t>(trials.size()));
  for (size_t i = trials.size(); i-- > 0;) {
    const auto one = singly.ask({trials[i]});
    REQUIRE(one[0]);
    CHECK(one[0]->kld == all[i]->kld);
    CHECK(one[0]->kld > 0);
  }
  together.ask(trials);
  together.ask({trials[0], trials[0]});
  CHECK(together.asked() == static_cast<int64_t>(trials.size()));
  CHECK(together.control_fault().empty());
}

TEST_CASE("trials: the budget is kept, and what it left out has no answer", "[diagnose]") {
  TinyEngine tiny;
  const std::vector<Trial> trials = some_trials();
  Trials few(tiny.engine(), plan_of(3, 2), {});
  const auto answers = few.ask(trials);
  CHECK(few.asked() == 3);
  CHECK(few.left() == 0);
  for (size_t i = 0; i < answers.size(); ++i) CHECK(answers[i].has_value() == (i < 3));
}

TEST_CASE("trials: every side of every layer restored is the reference, bit for bit", "[diagnose]") {
  for (const Dtype dtype : {Dtype::float16, Dtype::float32}) {
    TinyEngine tiny({.dtype = dtype});
    const LockstepInput input = lockstep_of({});
    const LockstepResult followed = run_lockstep(tiny.engine(), input, {});
    const Material material = material_of(tiny.engine(), input.prompt, followed.followed);
    const std::string reference = logits_of(tiny.engine(), parse_cache_spec("full"), {});
    for (const char* text : {"hqq:bits=3,group=16,residual=4", "int4", "hqq:bits=2,group=16,residual=3,schedule=streaming",
                             "hqq:bits=4,group=16,residual=5,prefill=quantized"}) {
      const CacheSpec cache = parse_cache_spec(text);
      const Parts all = quantized_parts(cache, layers);
      Patch patch = patch_of(PatchKind::restore, all);
      patch.source = source_of(material);
      CHECK(logits_of(tiny.engine(), cache, patch) == reference);
      patch = patch_of(PatchKind::restore, heads_of(all, 2));
      patch.source = source_of(material);
      CHECK(logits_of(tiny.engine(), cache, patch) == reference);
      const std::string exempt = logits_of(tiny.engine(), cache, patch_of(PatchKind::exempt, {{1, Side::value, -1}}));
      patch = patch_of(PatchKind::restore, {{1, Side::value, -1}});
      patch.source = source_of(material);
      CHECK(logits_of(tiny.engine(), cache, patch) != exempt);  // layer 0's error had arrived there
    }
  }
}

TEST_CASE("trials: what is known costs nothing, and a lane that speaks freely keeps to batches of its own", "[diagnose]") {
  TinyEngine tiny;
  Trials trials(tiny.engine(), plan_of(), {});
  const LockstepInput input = lockstep_of({});
  const Material material = material_of(tiny.engine(), input.prompt, run_lockstep(tiny.engine(), input, {}).followed);
  Trial restored{spec, patch_of(PatchKind::restore, quantized_parts(spec, layers))};
  restored.patch.source = source_of(material);
  CHECK_FALSE(trials.known(restored));
  const auto answers = trials.ask({{spec, {}, true}, restored, {spec, {}}});
  CHECK(answers[0]->parts_at.has_value());
  CHECK(answers[1]->kld == 0);
  CHECK(answers[1]->largest == 0);
  CHECK(answers[2]->kld == answers[0]->kld);
  CHECK(trials.known(restored)->kld == 0);
  CHECK(trials.asked() == 3);
  double sum = 0;
  for (const double step : answers[2]->kld_by_step) sum += step;
  CHECK(answers[2]->kld_by_step.size() == 16);
  CHECK(sum / 16 == answers[2]->kld);
  CHECK(answers[2]->largest > 0);
  CHECK_FALSE(answers[2]->flip);
}

TEST_CASE("trials: those that follow the flip run on to its step, and the window's figures stay the same bits", "[diagnose]") {
  TinyEngine tiny;
  const TrialPlan plan{lockstep_of({}), {1, 8}, 100, 20, FlipPoint{20, 5, 6}};
  Trials near(tiny.engine(), plan, {}), far(tiny.engine(), plan, {});
  far.follow_flip(true);
  for (const Trial& trial : some_trials()) {
    const TrialAnswer short_one = *near.ask({trial})[0], long_one = *far.ask({trial})[0];
    CHECK_FALSE(short_one.flip);
    REQUIRE(long_one.flip);
    CHECK(std::isfinite(long_one.flip->gap()));
    CHECK(short_one.kld == long_one.kld);
    CHECK(short_one.kld_by_step == long_one.kld_by_step);
    CHECK(short_one.kld_by_step.size() == 8);
    CHECK(short_one.largest == long_one.largest);
    CHECK(short_one.flips == long_one.flips);
  }
  CHECK(near.asked() == far.asked());
  const TrialAnswer spoken = *near.ask({{spec, {}, true}})[0], spoken_too = *far.ask({{spec, {}, true}})[0];
  CHECK(spoken.bytes == spoken_too.bytes);  // what a remedy costs is what it holds when the window ends
  CHECK(spoken.parts_at == spoken_too.parts_at);
  CHECK_FALSE(spoken_too.flip);
  far.follow_flip(false);
  CHECK_FALSE(far.ask({{parse_cache_spec("int8"), {}}})[0]->flip);
}
