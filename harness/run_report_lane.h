#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache_backends/kv_cache.h"
#include "harness/metrics/divergence.h"
#include "harness/metrics/measurements.h"

// What a report may see of one lane: plain values. NaN stands for "not finite" in numbers and arrays.
namespace kvdiff {

enum class LaneRole { reference, control, candidate };
std::string_view name_of(LaneRole role);

// As the engine left it (measured, skipped, error) and, once judged, what the verdict made of it.
enum class LaneStatus { measured, passed, failed, inconclusive, skipped, invalid, error };
std::string_view name_of(LaneStatus status);

// failed(metric, value, limit, step, layer): the first limit that does not hold.
struct LimitBreach {
  std::string metric;
  Figure value;          // no value: nothing matched, or not finite; its reason says which
  double limit = 0;
  int64_t step = -1;     // -1 where the question does not arise
  int32_t layer = -1;
};

// As if the lane stood alone. full_precision: the same tokens at 2 bytes per element, whatever the dtype.
struct BytesReport {
  int64_t codes = 0, scales = 0, zeros = 0, residual = 0, total = 0, full_precision = 0;
};

// One layer and side: what it claims, and what its cache can prove.
struct SideProof {
  std::string codec;       // `full` claims nothing
  bool quantizes = false;  // the spec asks for codes here
  SideReceipt receipt;
};

struct LayerProof {
  SideProof key, value;
};

struct ReceiptReport {
  std::vector<LayerProof> layers;
};

// One metric of the registry, by name, as a number or the reason why there is none.
struct MetricValue {
  std::string metric;
  Figure figure;
};

struct StageFigures {
  Stage stage = Stage::key;
  std::vector<MetricValue> figures;
  std::vector<double> relative_l2_by_head;  // KV heads for keys and values, query heads for attention; empty: no heads
  Place max_abs_place;
};

struct LayerFigures {
  int32_t layer = 0;
  std::vector<StageFigures> stages;
};

// Relative L2 of one stage. A column holds `steps_per_column` steps and shows the largest of them, to 3 digits.
struct HeatMapReport {
  Stage stage = Stage::key;
  int64_t steps = 0, steps_per_column = 1;
  std::vector<std::vector<double>> relative_l2;  // [layers][columns]; NaN: nothing was measured there
};

// Relative L2 of one stage by step, all layers together; NaN: nothing was measured at that step.
struct StepCurve {
  Stage stage = Stage::key;
  std::vector<double> relative_l2;
};

// The whole history of one layer and side when attention first read it after a flush.
struct FlushError {
  Stage stage = Stage::key_read;
  int64_t step = 0;
  int32_t layer = 0;
  double relative_l2 = 0, max_abs = 0;
};

struct LocalReport {
  int64_t steps = 0;
  std::vector<LayerFigures> layers;
  std::vector<StepCurve> by_step;
  std::vector<HeatMapReport> heat_maps;
  std::vector<FlushError> flushes;
};

struct FlipReport {
  int64_t step = 0;
  TokenChoice reference, candidate;  // what each would say next
  double reference_margin = 0;       // in logits: largest minus second largest
  double gap = 0;                    // in the reference's logits: its largest minus that of the candidate's token
  int32_t candidate_rank = 0;        // 0-based, among the reference's logits
  NearTie near_tie = NearTie::unknown;
};

struct PerplexityReport {
  double reference = 0, candidate = 0, ratio = 0;  // of the followed text; ratio: candidate / reference
};

// First step from which the trailing mean over `window` steps of the KLD exceeds `threshold` and stays above.
struct OnsetReport {
  std::optional<int64_t> step;
  double threshold = 0;  // nats
  int64_t window = 8;
};

// Steps whose positions the model was not made for, apart from the rest.
struct BeyondPositions {
  int64_t first_step = 0;
  std::vector<MetricValue> summary;
};

struct ForcedReport {
  int64_t steps = 0;
  std::vector<double> kld;       // nats, by step
  std::vector<bool> top1_match;  // by step
  std::vector<MetricValue> summary;  // of the logits: kld_mean, ...
  std::vector<FlipReport> flips;
  std::optional<PerplexityReport> perplexity;
  OnsetReport onset;
  std::vector<LayerFigures> layers;
  std::vector<StepCurve> by_step;
  std::vector<HeatMapReport> heat_maps;
  std::vector<FlushError> flushes;
  std::optional<BeyondPositions> beyond_positions;
};

// Where the text turns to gibberish, relative to the reference.
struct GibberishReport {
  std::string kind;         // loop, repetition, ...; none where the reference does the same
  int64_t onset = -1;       // first token of the stretch; -1 where kind is none
  int64_t period = 0, turns = 0;  // loop: tokens in one turn, complete turns
  std::string period_text;  // one turn of the loop
  bool reference_too = false;
  std::string evidence;     // one sentence with the figures it was decided on
  std::optional<double> nll;  // what the reference would have paid for this text, mean nats per token; none: not scored
};

struct FreeReport {
  std::vector<int32_t> tokens;  // generated ones only
  std::string text;
  std::string stop_reason;      // end of text, tokens, interrupted, ...
  std::optional<Divergence> first_divergence;  // none for the reference and for a lane that never parts
  std::optional<int64_t> divergence_offset;    // characters (code points) of `text` before the first different token
  std::optional<GibberishReport> gibberish;    // none: not looked for
  std::optional<int64_t> gibberish_offset;     // characters of `text` before the stretch
};

struct NotFiniteReport {
  Mode mode = Mode::forced;
  Stage stage = Stage::key;
  Place place;              // of the first one
  bool in_reference = false, in_candidate = false;
  std::string value;        // NaN, +infinity, -infinity
  int64_t count = 0;        // pairs that are not finite, in this mode
};

struct NotMeasured {
  std::string what, reason;
};

// 64 bits in hex (run/bit_digest.h) of all values in the order of layer, token, head: equal digests are equal bits. Empty: not taken.
struct LaneDigests {
  std::string key, value, logits;
};

struct LaneReport {
  std::string name;  // unique in the run
  LaneRole role = LaneRole::candidate;
  std::string cache, canonical;  // the spec as given, and its one spelling
  LaneStatus status = LaneStatus::measured;
  std::string reason;            // empty where the status speaks for itself
  int exit_code = 0;             // status error: the code of what went wrong
  std::optional<LimitBreach> breach;
  int64_t steps = 0;             // complete steps
  BytesReport bytes;
  ReceiptReport receipt;
  std::optional<LocalReport> local;
  std::optional<ForcedReport> forced;
  std::optional<FreeReport> free;
  std::vector<NotFiniteReport> not_finite;
  std::vector<PeerFailure> peer_failures;
  std::vector<std::string> warnings;
  std::vector<NotMeasured> not_measured;
  LaneDigests digests;
  std::string reproduce;  // the command line that runs this lane beside the reference
};

}  // namespace kvdiff
