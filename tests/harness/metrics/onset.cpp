#include "harness/metrics/onset.h"

#include <vector>

#include "tests/catch.h"

using namespace kvdiff;

namespace {

std::vector<VocabularyStep> steps(const std::vector<double>& klds) {
  std::vector<VocabularyStep> made;
  for (const double kld : klds) {
    VocabularyStep step;
    step.step = static_cast<int64_t>(made.size());
    step.kld = kld;
    made.push_back(step);
  }
  return made;
}

std::vector<double> join(std::vector<double> left, const std::vector<double>& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

std::vector<double> times(size_t count, double value) { return std::vector<double>(count, value); }

}  // namespace

TEST_CASE("quiet and loud runs", "[metrics][onset]") {
  CHECK_FALSE(divergence_onset({}));
  CHECK_FALSE(divergence_onset(steps(times(100, 0.01))));
  CHECK_FALSE(divergence_onset(steps(times(100, 0.1))));  // exceeds, not reaches
  CHECK(divergence_onset(steps(times(100, 2.0))) == 0);
}

TEST_CASE("the onset is where the trailing mean passes the threshold for good", "[metrics][onset]") {
  // After k steps of 0.4 the mean of 8 is k x 0.05: above 0.1 from the third on.
  CHECK(divergence_onset(steps(join(times(50, 0), times(50, 0.4)))) == 52);
  // At the start the mean is over the steps there are.
  CHECK(divergence_onset(steps(join({0}, times(30, 1.0)))) == 1);
}

TEST_CASE("a burst that passes is no onset, and a later one is", "[metrics][onset]") {
  const std::vector<double> burst = join(join(times(20, 0), times(10, 3)), times(30, 0));
  CHECK_FALSE(divergence_onset(steps(burst)));
  CHECK(divergence_onset(steps(join(burst, times(20, 3)))) == 60);
}

TEST_CASE("one bad step at the end is no onset", "[metrics][onset]") {
  CHECK_FALSE(divergence_onset(steps(join(times(50, 0), {9}))));
  CHECK_FALSE(divergence_onset(steps(join(times(50, 0), times(7, 9)))));
  CHECK(divergence_onset(steps(join(times(50, 0), times(8, 9)))) == 50);
  CHECK_FALSE(divergence_onset(steps(times(7, 9))));
}

TEST_CASE("steps that are not finite count as above and enter no mean", "[metrics][onset]") {
  std::vector<VocabularyStep> run = steps(times(40, 0));
  for (size_t i = 25; i < 40; ++i) {
    run[i].finite = false;
    run[i].kld = 1e9;
  }
  CHECK(divergence_onset(run) == 25);
  for (size_t i = 30; i < 40; ++i) {
    run[i].finite = true;
    run[i].kld = 0;
  }
  CHECK_FALSE(divergence_onset(run));
}

TEST_CASE("threshold and window are the caller's", "[metrics][onset]") {
  const std::vector<VocabularyStep> run = steps(join(times(10, 0), times(10, 0.05)));
  CHECK_FALSE(divergence_onset(run));
  CHECK(divergence_onset(run, {0.02, 4}) == 11);
}
