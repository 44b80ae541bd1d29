#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "harness/model/files/folder.h"
#include "harness/run/lockstep.h"
#include "harness/run_report.h"
#include "scenarios/case.h"

namespace kvdiff {

// Largest |logit - float64 logit| of each step, by an arithmetic that is independent of ours (harness/oracle).
// tokens: prompt and followed text; the logits of tokens [first, tokens.size()) are `logits(i)`, i from 0.
struct FloorRequest {
  const ModelFiles& files;
  Dtype dtype;
  std::span<const int32_t> tokens;
  int64_t first;
  std::function<std::span<const float>(int64_t)> logits;
  int threads;
};
using MeasureFloor = std::function<std::vector<double>(const FloorRequest&)>;

// Where to run and what to keep; nothing of it changes a number.
struct RunPlace {
  int threads = 0;  // 0: as many as the machine has
  std::shared_ptr<device::Device> device;  // null: the host
  std::string dump;  // folder; empty: none
  std::optional<std::pair<int64_t, int64_t>> dump_steps;  // inclusive; none: a window around the first onset
  MeasureFloor measure_floor;  // empty: this build has no oracle
};

// Runs one case: reference, control and all candidates in lockstep. Not judged yet (verdict/verdict.h).
// Throws UserError: input (model, tokenizer, prompt), usage (a spec that this model cannot hold), environment, io.
RunReport run_case(const Case& run, const RunPlace& place, const RunHooks& hooks);

// Before a run: what it will need.
struct RunEstimate {
  int64_t bytes = 0;        // weights, caches, buffers
  int64_t lane_bytes = 0;   // of them, of one candidate in all its modes, were it in full precision
  double seconds = 0;       // rough: from the multiplications alone
  int64_t prompt_tokens = 0, steps = 0, lanes = 0;
};
RunEstimate estimate_case(const Case& run, const RunPlace& place);
// Throws UserError(environment) when the machine has less memory than that.
void check_memory(const RunEstimate& estimate);
// The words for a run that does not fit into so many bytes of `where`: what it needs, and which candidates to leave out.
std::string memory_refusal(const RunEstimate& estimate, const Case& run, int64_t available, const std::string& where);

}  // namespace kvdiff
