#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/observer.h"

// What was measured of one lane against the reference: plain values, raw sums where they can still be added up.
// Figures are made from them by metrics/registry.h (figures, figure_of); reports only print figures.
namespace kvdiff {

// A number, or the reason why there is none ("no error" stands for an infinite signal-to-noise ratio).
struct Figure {
  std::optional<double> value;
  std::string reason;  // empty where there is a value
};

// Where in a lane: -1 where the question does not arise. index counts columns within the head's row.
struct Place {
  int64_t step = -1;
  int32_t layer = -1;
  int32_t head = -1;
  int64_t index = -1;
  bool known() const { return step >= 0; }
};

// Sums over pairs of elements, joined in a written order. Pairs with NaN or infinity are counted and left out of all else.
struct Totals {
  int64_t compared = 0;              // finite pairs
  int64_t not_finite_reference = 0;  // pairs left out; a pair that is broken on both sides counts on both
  int64_t not_finite_candidate = 0;
  int64_t sign_flips = 0;            // reference x candidate < 0
  double reference_squared = 0, candidate_squared = 0, product = 0;
  double difference_squared = 0, absolute_difference = 0;
  double max_abs = 0;
  Place max_abs_place;               // first place of the maximum; unknown where there is no difference
  int64_t attention_rows = 0;        // attention stages: rows (head x step) that were finite
  double attention_kl = 0;           // attention_logits: sum over rows of KL(reference || candidate), nats
  double mass_moved = 0;             // attention_probs: sum over rows of the total variation, 0..1 each
  double largest_mass_moved = 0;     // of one row
  double sink_reference = 0, sink_candidate = 0, sink_moved = 0;  // first key's probability; |difference|
};

// The same of one step, all layers and heads together, with less kept.
struct StepTotals {
  int64_t compared = 0;
  double reference_squared = 0, difference_squared = 0;
  double attention_sum = 0;  // attention_logits: KL; attention_probs: mass moved
  int32_t attention_rows = 0;
  float max_abs = 0;
};

struct StageMeasurements {
  Stage stage = Stage::key;
  bool measured = false;
  std::string reason;               // why not measured; empty where measured
  int layers = 0, heads = 0;        // layers = 1 and heads = 1 for logits; heads = 1 for hidden
  std::vector<Totals> totals;       // [layers, heads], over all steps
  std::vector<StepTotals> by_step;  // index = step; compared == 0 where nothing finite was seen
};

// Relative L2 of one stage by step and layer. NaN: nothing measured there (JSON: null).
struct HeatMap {
  Stage stage = Stage::key;
  int layers = 0;
  int64_t steps = 0;
  std::vector<float> relative_l2;  // [steps, layers]
};

// The whole history of one layer and side, as attention read it at the first step after a flush. All heads together.
struct HistoryError {
  Stage stage = Stage::key_read;
  int32_t step = 0, layer = 0;
  int64_t columns = 0;     // tokens x head size
  float relative_l2 = 0;   // NaN: nothing finite, or a reference of zeros
  float max_abs = 0;
};

enum class NearTie { no, yes, unknown };  // unknown: the arithmetic floor of that step was not measured
std::string_view name_of(NearTie near_tie);

// One step's whole vocabulary. Where finite is false every other number is meaningless.
struct VocabularyStep {
  int64_t step = 0;
  bool finite = true;
  double kld = 0;                        // KL(reference || candidate), nats
  int32_t reference_token = -1, candidate_token = -1;  // largest logit; the lowest id wins ties
  bool flip = false;                     // the two differ
  double reference_margin = 0;           // reference: largest logit minus second largest
  double candidate_margin = 0;
  double flip_gap = 0;                   // reference: largest logit minus the logit of the candidate's token
  NearTie near_tie = NearTie::unknown;   // reference_margin <= 2 x arithmetic floor of the step
  int32_t candidate_rank = 0;            // 0-based rank, among the reference's logits, of the candidate's token
  int32_t followed_token = -1;           // -1: none, and no log-probabilities
  double reference_logprob = 0, candidate_logprob = 0;  // of followed_token, nats
};

// The first value of a lane and mode that is NaN or infinite.
struct NotFinite {
  LaneId lane = 0;
  Mode mode = Mode::forced;
  Stage stage = Stage::key;
  Place place;
  bool in_reference = false;  // true also where both sides are broken
  bool in_candidate = false;
  std::string_view value;     // "NaN", "+infinity" or "-infinity"; the reference's where it is broken
};
// "lane 3, forced, step 12, layer 4, attention_logits, head 2, index 17: NaN in the candidate"
std::string describe(const NotFinite& found);

struct ModeMeasurements {
  Mode mode = Mode::forced;
  int64_t steps = 0;                            // last observed step + 1
  std::vector<StageMeasurements> stages;        // stage_count entries, in the order of Stage
  std::vector<VocabularyStep> vocabulary;       // ascending steps; empty where logits were not observed
  std::vector<HeatMap> heat_maps;               // key, value, attention_output, hidden, as far as measured
  std::vector<HistoryError> histories;          // in the order of observation
  std::optional<NotFinite> first_not_finite;            // in the order of observation
  std::optional<NotFinite> first_not_finite_reference;  // the first that the reference has
  int64_t not_finite = 0;                               // pairs

  const StageMeasurements& at(Stage stage) const { return stages[static_cast<size_t>(stage)]; }
};

struct LaneMeasurements {
  LaneId lane = 0;
  std::vector<ModeMeasurements> modes;  // the modes that ran, in the order of Mode

  const ModeMeasurements* find(Mode mode) const {
    for (const ModeMeasurements& one : modes)
      if (one.mode == mode) return &one;
    return nullptr;
  }
};

}  // namespace kvdiff
