#include "harness/diagnose/interval.h"

#include <algorithm>
#include <vector>

#include "harness/diagnose/walk.h"

namespace kvdiff {
namespace {

constexpr int64_t resample_count = 1000, low_rank = 49, high_rank = 950;  // 5 % lie below the first, 5 % above the second
constexpr uint64_t seed = 0x6b76646966660001u;

// splitmix64: the same numbers on every machine.
class Draw {
 public:
  int64_t below(int64_t end) {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return static_cast<int64_t>((z ^ (z >> 31)) % static_cast<uint64_t>(end));
  }

 private:
  uint64_t state_ = seed;
};

std::vector<size_t> drawn_steps(Draw& draw, int64_t steps, int64_t block) {
  std::vector<size_t> drawn;
  while (static_cast<int64_t>(drawn.size()) < steps) {
    const int64_t first = draw.below(steps);
    for (int64_t i = 0; i < block && static_cast<int64_t>(drawn.size()) < steps; ++i)
      drawn.push_back(static_cast<size_t>((first + i) % steps));
  }
  return drawn;
}

}  // namespace

std::optional<RecoveryInterval> recovery_interval(std::span<const double> patched, std::span<const double> candidate, int64_t block) {
  const auto steps = static_cast<int64_t>(candidate.size());
  if (patched.size() != candidate.size() || steps < 2 * block) return std::nullopt;
  Draw draw;
  std::vector<double> recoveries;
  for (int64_t resample = 0; resample < resample_count; ++resample) {
    double left = 0, all = 0;
    for (const size_t step : drawn_steps(draw, steps, block)) {
      left += patched[step];
      all += candidate[step];
    }
    if (!(all > 0)) return std::nullopt;
    recoveries.push_back(1 - left / all);
  }
  std::sort(recoveries.begin(), recoveries.end());
  return RecoveryInterval{recoveries[low_rank], recoveries[high_rank], steps, block, resample_count};
}

void find_interval(Walk& walk) {
  IntervalFinding& found = walk.result.interval;
  const auto whole = walk.trials.known({walk.subject.spec, {}});
  const auto exempt = walk.trials.known(exempt_trial(walk.subject, walk.accused()));
  if (whole && exempt) found.set = recovery_interval(exempt->kld_by_step, whole->kld_by_step);
  if (!found.set) found.reason = whole && exempt ? "too few steps in the window, or too many without any divergence" : "the set was not asked";
}

}  // namespace kvdiff
