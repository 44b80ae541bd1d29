#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cache_backends/cache_spec.h"
#include "harness/metrics/divergence.h"
#include "harness/run/decode_site.h"
#include "harness/run/sampling.h"

namespace kvdiff {

struct LaneInput {
  std::string name;
  CacheSpec spec;
  bool own_prefill = false;  // prefill attention reads this lane's quantized cache
};

struct Progress {
  std::string phase;  // prefill, decode, recompute, ...
  int64_t step = 0, steps = 0;
  int64_t rows = 0, lanes = 0;
};

// What the caller may hook in. All may be empty.
struct RunHooks {
  std::function<void(const Progress&)> progress;
  std::function<bool()> interrupted;
  std::function<void(const std::string& lane, const std::string& text)> warn;  // before the run, about a lane
  // Wraps a cache as it is made: tests plant their faults here, a diagnosis its patches.
  std::function<std::unique_ptr<KvCache>(LaneId, Mode, std::unique_ptr<KvCache>)> wrap_cache;
};

struct LockstepInput {
  std::vector<int32_t> prompt;
  std::optional<std::vector<int32_t>> follow;  // a text of the user's that local and forced follow
  std::vector<LaneInput> lanes;                // 0: reference, 1: control, then candidates
  bool local = true, forced = true, free = true;
  int64_t tokens = 256;
  std::vector<int32_t> end_tokens;             // empty: never stop
  Sampling sampling;
  int64_t prefill_piece = 0;                   // candidates' prompts in pieces of so many tokens; 0: whole
  Observer* observer = nullptr;
  bool observe_layers = true;                  // false: the observer is shown forced logits alone
  TokenText token_text = [](int32_t) { return std::string(); };  // for the tokens of a divergence
};

// What one lane did. The streams hold its caches as they were at the end.
struct LaneTrace {
  std::unique_ptr<Stream> forced, local, free;  // free: null where the lane never parted from the followed text
  std::vector<int32_t> free_tokens;
  std::string free_stop;                        // "end token", "tokens", "interrupted"; empty: mode free did not run
  std::optional<Divergence> divergence;         // from the reference's free tokens
};

struct LockstepResult {
  std::vector<LaneTrace> lanes;
  std::vector<int32_t> followed;  // the token of each step, in local and forced mode
  int64_t steps = 0;              // logits seen by forced streams
  std::string stop;               // why local and forced ended
  ControlDifference control;
  bool interrupted = false;
  double prefill_seconds = 0, decode_seconds = 0;
};

LockstepResult run_lockstep(Engine& engine, const LockstepInput& input, const RunHooks& hooks);

}  // namespace kvdiff
