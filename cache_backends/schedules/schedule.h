#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "cache_backends/cache_spec.h"

namespace kvdiff {

// One side of one layer when new tokens arrive. Tokens are held in order: an encoded prefix, then the residual.
struct Arrival {
  Side side = Side::key;
  bool first = true;            // nothing was held: the prefill, or its first piece
  int64_t residual = 0;         // tokens in full precision before this arrival
  int64_t fresh = 0;            // tokens that arrive
  int64_t residual_length = 0;  // R of the spec
  bool shares_scale = false;    // the codec shares a scale between tokens: one token alone is no unit
};

// What is encoded once the fresh tokens have joined the residual.
struct FlushPlan {
  bool history = false;  // everything that is held, decoded values included, anew and as one block
  int64_t tokens = 0;    // else: this many of the oldest residual tokens,
  int64_t unit = 1;      // in blocks of so many
  bool any() const { return history || tokens > 0; }
};

// A schedule is arithmetic on counts: no data, no state. One file and one row of the table.
struct ScheduleRow {
  std::string_view name, summary, peer;
  std::string_view cadence;     // when it flushes, in words, for `kvdiff spec`
  int64_t default_residual;     // tokens
  int64_t smallest_residual;
  bool reads_new_codes;         // attention sees an update's tokens as encoded in it (else: from the next update on)
  FlushPlan (*plan)(const Arrival& arrival);
  int64_t largest_residual = 1'000'000'000;
};
std::span<const ScheduleRow> schedules();
const ScheduleRow& find_schedule(std::string_view name);  // throws UserError(usage) with the nearest name

// transformers' QuantizedLayer.update: 5.23, 4.41 to 5.15, and the 4.54 processor.
FlushPlan plan_hf(const Arrival& arrival);
FlushPlan plan_hf_5_15(const Arrival& arrival);
FlushPlan plan_hf_4_54(const Arrival& arrival);
FlushPlan plan_streaming(const Arrival& arrival);
FlushPlan plan_immediate(const Arrival& arrival);
FlushPlan plan_full(const Arrival& arrival);

}  // namespace kvdiff
