#include <map>

#include "cache_backends/faults/bit_fault.h"
#include "cache_backends/kernels/simd.h"
#include "harness/metrics/recorder.h"
#include "tests/catch.h"
#include "tests/support/engine_fixture.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

// Everything of one lane that must not depend on its company: tokens, bits of K, V and logits, KLD by step.
struct LaneBits {
  std::vector<int32_t> free_tokens;
  std::string key, value, logits, free_key;
  std::vector<double> kld;
  bool operator==(const LaneBits&) const = default;
};

std::map<std::string, LaneBits> bits_of(Engine& engine, LockstepInput input) {
  Recorder recorder({static_cast<int>(input.lanes.size()), static_cast<int>(engine.model.shape().layers), input.tokens});
  input.observer = &recorder;
  const LockstepResult result = run_lockstep(engine, input, {});
  REQUIRE_FALSE(result.control.found);
  std::map<std::string, LaneBits> all;
  for (size_t lane = 0; lane < input.lanes.size(); ++lane) {
    const LaneTrace& trace = result.lanes[lane];
    LaneBits bits{trace.free_tokens, hex_of_layers(trace.forced->digest.key), hex_of_layers(trace.forced->digest.value),
                  hex(trace.forced->digest.logits.value()), trace.free ? hex_of_layers(trace.free->digest.key) : "", {}};
    const LaneMeasurements measured = recorder.take(static_cast<LaneId>(lane));
    if (const ModeMeasurements* forced = measured.find(Mode::forced))
      for (const VocabularyStep& step : forced->vocabulary) bits.kld.push_back(step.kld);
    all[input.lanes[lane].name] = bits;
  }
  return all;
}

const std::vector<std::string> many = {"hqq:bits=4,group=16,residual=5", "hqq:bits=2,group=16,axis=1,residual=3",
                                       "int8", "int4", "full", "k=int8/v=hqq:bits=4,group=16,residual=0,schedule=hf",
                                       "hqq:bits=4,group=16,residual=6,prefill=quantized"};

}  // namespace

TEST_CASE("lockstep: a lane's bits do not depend on which lanes run beside it, nor on their order", "[lockstep]") {
  for (const Dtype dtype : {Dtype::float32, Dtype::float16}) {
    TinyEngine tiny({.dtype = dtype});
    const auto together = bits_of(tiny.engine(), lockstep_of(many));
    const auto reversed = bits_of(tiny.engine(), lockstep_of({many.rbegin(), many.rend()}));
    CHECK(together == reversed);
    for (const std::string& spec : many) {
      const auto alone = bits_of(tiny.engine(), lockstep_of({spec}));
      CHECK(alone.at(spec) == together.at(spec));
      CHECK(alone.at("reference") == together.at("reference"));
    }
  }
}

TEST_CASE("lockstep: threads and SIMD levels give the same bits", "[lockstep]") {
  for (const bool eager : {false, true}) {
    TinyEngine one({.dtype = Dtype::bfloat16, .eager = eager, .threads = 1});
    TinyEngine three({.dtype = Dtype::bfloat16, .eager = eager, .threads = 3});
    const auto expected = bits_of(one.engine(), lockstep_of(many));
    CHECK(bits_of(three.engine(), lockstep_of(many)) == expected);
    for (const Simd simd : {Simd::scalar, Simd::avx2, Simd::avx512}) {
      if (!supported(simd)) continue;
      set_active_simd(simd);
      CHECK(bits_of(one.engine(), lockstep_of(many)) == expected);
    }
    set_active_simd(best_simd());
  }
}

TEST_CASE("lockstep: a full-precision candidate is the reference, in every dtype", "[lockstep]") {
  for (const Dtype dtype : {Dtype::float16, Dtype::bfloat16, Dtype::float32}) {
    TinyEngine tiny({.dtype = dtype});
    const auto all = bits_of(tiny.engine(), lockstep_of({"full"}));
    CHECK(all.at("full").free_tokens == all.at("reference").free_tokens);
    CHECK(all.at("full").logits == all.at("reference").logits);
    for (const double kld : all.at("full").kld) CHECK(kld == 0.0);
  }
}

TEST_CASE("lockstep: a quantized candidate really differs, from step 1 on", "[lockstep]") {
  TinyEngine tiny;
  const auto all = bits_of(tiny.engine(), lockstep_of({"hqq:bits=2,group=16"}));
  const std::vector<double>& kld = all.at("hqq:bits=2,group=16").kld;
  CHECK(kld.at(0) == 0.0);  // hf: prefill attention reads what it was given
  for (size_t step = 1; step < kld.size(); ++step) CHECK(kld[step] > 0.0);
}

TEST_CASE("lockstep: each mode alone gives what all of them together give", "[lockstep]") {
  TinyEngine tiny;
  const std::string spec = "hqq:bits=3,group=16,residual=4";
  const LockstepResult all = run_lockstep(tiny.engine(), lockstep_of({spec}), {});
  LockstepInput only = lockstep_of({spec});
  only.local = only.forced = false;
  const LockstepResult free = run_lockstep(tiny.engine(), only, {});
  CHECK(free.lanes[2].free_tokens == all.lanes[2].free_tokens);
  CHECK(free.lanes[0].free_tokens == all.lanes[0].free_tokens);
  CHECK(free.lanes[2].local == nullptr);
  only = lockstep_of({spec});
  only.local = only.free = false;
  const LockstepResult forced = run_lockstep(tiny.engine(), only, {});
  CHECK(forced.lanes[2].forced->digest.logits.value() == all.lanes[2].forced->digest.logits.value());
  CHECK(forced.lanes[2].free_tokens.empty());
  only = lockstep_of({spec});
  only.free = only.forced = false;
  const LockstepResult local = run_lockstep(tiny.engine(), only, {});
  CHECK(local.lanes[2].forced == nullptr);
  CHECK(local.lanes[2].local->cache->length(0) == all.lanes[2].local->cache->length(0));
}

TEST_CASE("lockstep: the free text rides on the forced stream until it parts, and then is its own", "[lockstep]") {
  TinyEngine tiny;
  const LockstepResult result = run_lockstep(tiny.engine(), lockstep_of({"hqq:bits=1,group=16", "full"}), {});
  const LaneTrace& parted = result.lanes[2];
  REQUIRE(parted.divergence);
  const auto step = static_cast<size_t>(parted.divergence->step);
  REQUIRE(parted.free != nullptr);
  for (size_t i = 0; i < step; ++i) CHECK(parted.free_tokens[i] == result.followed[i]);
  CHECK(parted.free_tokens[step] == parted.divergence->candidate.id);
  CHECK(result.followed[step] == parted.divergence->reference.id);
  CHECK(parted.divergence->candidate_top.size() == 5);
  CHECK(result.lanes[3].free == nullptr);
  CHECK_FALSE(result.lanes[3].divergence);
}

TEST_CASE("lockstep: a free lane that parted is the run of its own tokens", "[lockstep]") {
  TinyEngine tiny;
  const std::string spec = "hqq:bits=2,group=16,residual=4";
  const LockstepResult free = run_lockstep(tiny.engine(), lockstep_of({spec}), {});
  REQUIRE(free.lanes[2].divergence);
  LockstepInput again = lockstep_of({spec});
  again.follow = free.lanes[2].free_tokens;
  const LockstepResult followed = run_lockstep(tiny.engine(), again, {});
  CHECK(followed.lanes[2].forced->digest.logits.value() == free.lanes[2].free->digest.logits.value());
}

TEST_CASE("lockstep: a text of the user's is followed by local and forced, free goes its own way", "[lockstep]") {
  TinyEngine tiny;
  LockstepInput input = lockstep_of({"int8"});
  input.follow = some_prompt(9, 77);
  const LockstepResult result = run_lockstep(tiny.engine(), input, {});
  CHECK(result.followed == *input.follow);
  CHECK(result.steps == 9);
  CHECK(result.stop == "end of the followed text");
  CHECK(result.lanes[0].free_tokens.size() == 24);
  const LockstepResult plain = run_lockstep(tiny.engine(), lockstep_of({"int8"}), {});
  CHECK(result.lanes[0].free_tokens == plain.lanes[0].free_tokens);
  CHECK(result.lanes[2].free_tokens == plain.lanes[2].free_tokens);
}

TEST_CASE("lockstep: end tokens stop the reference; a free lane goes on to its own end", "[lockstep]") {
  TinyEngine tiny;
  const LockstepResult plain = run_lockstep(tiny.engine(), lockstep_of({"hqq:bits=1,group=16"}), {});
  LockstepInput input = lockstep_of({"hqq:bits=1,group=16"});
  input.end_tokens = {plain.lanes[0].free_tokens[6]};
  const LockstepResult result = run_lockstep(tiny.engine(), input, {});
  CHECK(result.stop == "end token");
  CHECK(result.lanes[0].free_tokens.back() == input.end_tokens[0]);
  CHECK(result.lanes[0].free_stop == "end token");
  CHECK(result.steps == static_cast<int64_t>(result.lanes[0].free_tokens.size()));
  CHECK(result.lanes[2].free_tokens.size() >= result.lanes[0].free_tokens.size());
}

TEST_CASE("lockstep: one flipped bit in the control's cache is seen", "[lockstep][fault]") {
  TinyEngine tiny;
  RunHooks hooks;
  hooks.wrap_cache = [](LaneId lane, Mode, std::unique_ptr<KvCache> cache) -> std::unique_ptr<KvCache> {
    if (lane != 1) return cache;
    return make_bit_fault(std::move(cache), {.layer = 1, .side = Side::value, .token = 3, .channel = 2});
  };
  const LockstepResult result = run_lockstep(tiny.engine(), lockstep_of({"int8"}), hooks);
  CHECK(result.control.found);
  CHECK(result.control.layer == 1);
}

TEST_CASE("lockstep: an interrupted run keeps what is complete", "[lockstep]") {
  TinyEngine tiny;
  RunHooks hooks;
  int64_t steps = 0;
  hooks.progress = [&](const Progress& now) { steps = now.step; };
  hooks.interrupted = [&] { return steps >= 7; };
  const LockstepResult result = run_lockstep(tiny.engine(), lockstep_of({"int8"}), hooks);
  CHECK(result.interrupted);
  CHECK(result.steps == 7);
  CHECK(result.lanes[2].free_stop == "interrupted");
  CHECK(result.lanes[2].free_tokens.size() == 7);
}
