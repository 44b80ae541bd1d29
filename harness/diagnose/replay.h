#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "harness/diagnose/material.h"
#include "harness/metrics/row_metrics.h"

namespace kvdiff {

// Sums over pairs of (given, held) elements. Those that are not finite on both sides are counted apart.
struct ErrorSums {
  double given_squared = 0, difference_squared = 0, largest = 0;
  int64_t not_finite = 0;
  void add(const ErrorSums& other);
  // sqrt(difference_squared / given_squared); NaN where nothing was given but zeros and something else is held.
  double relative() const;
};
// Equal lengths. `workspace` is the caller's, of one thread.
ErrorSums error_of(std::span<const float> given, std::span<const float> held, RowWorkspace& workspace);

struct ReplayedFlush {
  int64_t step = 0, read_from = 0;
  int64_t first = 0, tokens = 0, least_times = 0, most_times = 0;
  int64_t compared = 0, changed = 0;
  ErrorSums before, after;
};

// One side of one layer, fed alone.
struct ReplayedSide {
  std::vector<ReplayedFlush> flushes;
  int64_t encoded = 0;      // tokens held as codes at the end
  std::vector<float> held;  // at the end, [H, tokens, D]
};

// Feeds the material's prompt in one piece (step 0), then token by token (steps 1, 2, ...), to every layer of caches that
// `make` makes, and tells `done` of each side, at once for different layers, on the engine's threads.
using MakeCache = std::function<std::unique_ptr<KvCache>()>;
void replay(const Material& material, ThreadPool& pool, const MakeCache& make,
            const std::function<void(int layer, Side side, ReplayedSide&&)>& done);

}  // namespace kvdiff
