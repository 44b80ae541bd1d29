#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/run_report_lane.h"

namespace kvdiff {

inline constexpr std::string_view report_schema = "kvdiff.report/1";

struct EnvironmentReport {
  std::string kvdiff_version, compiler, cpu, operating_system;
  std::vector<std::string> cpu_features;
  std::string simd;           // scalar, avx2, avx512: what was used
  int threads = 1;
  std::string device = "cpu";
  std::string torch_version;  // empty: built without
  std::string time;           // ISO 8601 in UTC: when the run began. Never the same twice.
};

// What must be the same before two runs may be compared.
struct DigestsReport {
  std::string build, model, tokenizer, prompt, config;
};

struct ModelReport {
  std::string path, family;
  std::string weights_dtype, dtype;  // as stored, as computed
  std::string attention;             // sdpa, eager
  int64_t layers = 0, heads = 0, kv_heads = 0, head_size = 0, vocabulary = 0, positions = 0;
};

struct PromptReport {
  std::string source;  // text, chat, messages, token ids
  std::string format;  // the chat format's name; empty for the rest
  std::string text;    // as the tokenizer was given it; empty for token ids
  std::vector<int32_t> token_ids;
};

struct SamplingReport {
  double temperature = 0;  // 0: greedy
  int64_t top_k = 0;       // 0: all
  double top_p = 1;
  uint64_t seed = 0;
};

struct SettingsReport {
  std::string scenario;  // empty: everything came from the command line
  std::vector<Mode> modes;
  int64_t tokens = 0;    // asked for
  bool ignore_eos = false;
  std::string continue_file;  // the text that local and forced follow; empty: the reference's own tokens
  SamplingReport sampling;
};

// What an honest difference must exceed.
struct FloorCheck {
  bool measured = false, exact = false;
  std::string difference;  // where and how much, when it is not exact; why not, when it was not measured
};

struct ArithmeticFloor {
  std::vector<double> by_step;  // largest |reference - float64| of a step's logits
};

struct FloorsReport {
  FloorCheck control;        // the control lane against the reference: must be bit-equal
  FloorCheck recomputation;  // the whole sequence once more without a cache: must be bit-equal
  std::optional<ArithmeticFloor> arithmetic;
};

struct PhaseTime {
  std::string phase;
  double seconds = 0;
};

// Apart from the rest, because it is never the same twice.
struct TimingReport {
  double seconds = 0;
  double steps_per_second = 0;  // of decode, all lanes together
  std::vector<PhaseTime> phases;
};

struct LimitReport {
  std::string metric;
  double value = 0;
};

// All that a report may see: a plain value, written to and read from JSON (run_report_json.h).
struct RunReport {
  EnvironmentReport environment;
  DigestsReport digests;
  ModelReport model;
  PromptReport prompt;
  SettingsReport settings;
  FloorsReport floors;
  std::vector<LimitReport> limits;
  std::vector<LaneReport> lanes;  // reference, control, candidates, in the order given
  std::vector<std::string> warnings;
  std::vector<NotMeasured> not_measured;
  bool partial = false;        // interrupted: what is complete is here
  std::string partial_reason;
  int exit_code = 0;
  std::string reproduce;       // the command line of the whole run
  TimingReport timing;
};

// Null when there is none: a report of a run that did not get so far.
const LaneReport* lane_with_role(const RunReport& report, LaneRole role);
// Candidates only, in order.
std::vector<const LaneReport*> candidates(const RunReport& report);
// Null when the metric is not among them.
const Figure* find_figure(const std::vector<MetricValue>& values, std::string_view metric);

}  // namespace kvdiff
