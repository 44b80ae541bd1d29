#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "cache_backends/cache_spec.h"
#include "harness/observer.h"
#include "harness/run_report_lane.h"

namespace kvdiff {

// Where the candidate's error is made and how it travels. Errors are relative: sqrt(sum (r - c)^2 / sum r^2). Born here: the
// candidate's cache is given the reference's own queries, keys and values (mode local), so nothing has arrived. With what
// arrived: the candidate runs on its own hidden states (mode forced). An empty optional: not measured, or not finite.

struct ChannelError {
  int64_t head = 0, channel = 0;
  double share = 0;               // of the side's squared error
  std::optional<double> error;    // of this channel alone
};

// Tokens of one kind, as they are held when the text ends.
struct TokenError {
  int64_t tokens = 0;
  double given_squared = 0, difference_squared = 0;  // sums over the elements
  int64_t not_finite = 0;                            // elements that are in neither sum
  void add(const TokenError& other);                 // tokens of another layer: the same ones
  std::optional<double> error() const;
};

// What attention would read of one side of one layer when the text ends, against what was given.
struct ReadError {
  static constexpr int64_t sink_tokens = 4;
  static constexpr size_t most_channels = 4;
  Side side = Side::key;
  std::optional<double> error;
  std::vector<std::optional<double>> by_head;  // KV heads
  std::vector<ChannelError> worst_channels;    // largest share first
  TokenError sinks, prompt, generated, residual;  // the first 4 tokens; the prompt's others; generated ones; all of these as
                                                  // far as they are codes: what is in full precision is residual
  std::optional<double> written;               // forced mode: of the K or V that is written, before any codec: what arrived
};

// One layer's attention, over all heads and steps.
struct AttentionError {
  std::optional<double> logit_rms, logit_max;        // |r - c| of the scaled scores
  std::optional<double> moved_mean, moved_max;       // total variation of the probabilities, 0..1
  std::optional<double> sink_reference, sink_change; // mean probability of the first token; candidate's minus reference's
};

struct LayerErrors {
  int64_t layer = 0;
  std::optional<double> output_born, output_forced;  // attention output, before the output projection
  std::vector<std::optional<double>> output_by_head; // born here; query heads
  std::optional<double> hidden;                      // forced, after the layer
  AttentionError born, forced;
  std::vector<ReadError> sides;                      // keys, values
};

// All layers joined.
struct KindErrors {
  Side side = Side::key;
  TokenError sinks, prompt, generated, residual;
};

struct ErrorProfile {
  int64_t steps = 0;                // of either mode
  std::vector<LayerErrors> layers;  // in order
  std::vector<KindErrors> kinds;    // keys, values
};

// Errors by layer and step: attention output (born here), hidden state (with what arrived).
struct ErrorMap {
  Mode mode = Mode::forced;
  HeatMapReport map;
};

}  // namespace kvdiff
