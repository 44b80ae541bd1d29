#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cache_backends/cache_spec.h"

namespace kvdiff {

// What the flushes of a cache do by themselves: the cache is fed the reference's K and V of the whole text (local mode).

// One side of all layers at one flush. An error is that of the whole history as it is held, residual included, against
// what was given: sqrt(sum (given - held)^2 / sum given^2), all layers joined; not a number where nothing was given but zeros.
struct FlushSide {
  Side side = Side::key;
  int64_t first = 0, tokens = 0;          // encoded this time: tokens [first, first + tokens)
  int64_t least_times = 0, most_times = 0;  // how often the tokens of that range have been encoded now
  int64_t compared = 0, changed = 0;      // elements that were codes before; those that decode to another number now
  double before = 0, after = 0;           // error
  double largest_before = 0, largest_after = 0;  // |given - held|
  int64_t worst_layer = -1;               // of the errors after
  double worst_layer_error = 0;
  std::optional<double> one_shot;         // error, had this flush encoded the values as given; none: no token was encoded twice
  double chained_over_one_shot() const { return one_shot && *one_shot > 0 ? after / *one_shot : 1; }
};

struct FlushRecord {
  int64_t step = 0;                       // whose token was appended when it happened; 0: the prompt
  int64_t read_from = 0;                  // first step whose logits have read it
  std::vector<FlushSide> sides;           // keys, values; those that flushed
  std::optional<double> kld_before, kld_after;  // forced KLD, mean of up to kld_steps steps on either side of read_from, nats
};

struct LaneFlushes {
  static constexpr int64_t kld_steps = 8;
  std::string name;
  bool encodes_again = false;             // was any token encoded more than once?
  std::vector<FlushRecord> flushes;       // in order
};

// What encoding a history again and again costs: the candidate as it is, and a lane that at every flush encodes the values
// as they were given (make_one_shot_cache). Both forced, over the window of the diagnosis.
struct RequantizationCost {
  std::optional<double> kld_one_shot, recovery;  // recovery: 1 - KLD(one shot) / KLD(candidate)
  std::string reason;                     // why it was not asked; empty where it was
};

struct FlushTimeline {
  int64_t steps = 0;                      // of the text that was fed
  std::vector<LaneFlushes> lanes;         // the candidate, then the gentler formats
  RequantizationCost cost;
};

}  // namespace kvdiff
