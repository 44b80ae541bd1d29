#pragma once
#include <cstdint>
#include <optional>
#include <span>

namespace kvdiff {

// A stretch [first, end) in which every token equals the one `period` before it (but for the first turn).
struct Loop {
  int64_t first = 0, end = 0, period = 0;
  int64_t tokens() const { return end - first; }
  int64_t turns() const { return tokens() / period; }
};

// Calls take(loop) for all stretches of three turns and more, the smallest periods first; at most a third of the tokens per
// turn. O(tokens x tokens / 3) comparisons.
template <class Take>
void each_loop(std::span<const int32_t> tokens, const Take& take) {
  const auto size = static_cast<int64_t>(tokens.size());
  const auto at = [&](int64_t i) { return tokens[static_cast<size_t>(i)]; };
  for (int64_t period = 1; period <= size / 3; ++period) {
    for (int64_t i = period; i < size; ++i) {
      const int64_t first = i;
      while (i < size && at(i) == at(i - period)) ++i;
      if (i - first >= 2 * period) take(Loop{first - period, i, period});
    }
  }
}

// The earliest stretch, longest first and then of the smallest period, for which enough(loop) holds.
template <class Enough>
std::optional<Loop> first_loop(std::span<const int32_t> tokens, const Enough& enough) {
  std::optional<Loop> best;
  each_loop(tokens, [&](const Loop& loop) {
    const bool earlier = !best || loop.first < best->first || (loop.first == best->first && loop.end > best->end);
    if (earlier && enough(loop)) best = loop;
  });
  return best;
}

}  // namespace kvdiff
