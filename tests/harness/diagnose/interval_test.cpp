#include "harness/diagnose/interval.h"

#include <vector>

#include "tests/catch.h"

using namespace kvdiff;

namespace {

// The candidate's KLD wanders, what the patch leaves is noise of its own.
std::vector<double> wandering(size_t steps, double scale, uint64_t seed) {
  std::vector<double> values;
  double level = 1;
  for (size_t i = 0; i < steps; ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    level = 0.9 * level + 0.1 * static_cast<double>(seed >> 40) / static_cast<double>(1 << 23);
    values.push_back(scale * level);
  }
  return values;
}

}  // namespace

TEST_CASE("interval: equal shares at every step leave no doubt", "[diagnose]") {
  const std::vector<double> candidate = wandering(48, 1, 3);
  std::vector<double> patched;
  for (const double value : candidate) patched.push_back(value / 4);
  const auto found = recovery_interval(patched, candidate);
  REQUIRE(found);
  CHECK(found->low == Approx(0.75).epsilon(1e-12));
  CHECK(found->high == Approx(0.75).epsilon(1e-12));
  CHECK(found->steps == 48);
  CHECK(found->block == 4);
}

TEST_CASE("interval: it holds the recovery, is the same every time, and one bad step widens it", "[diagnose]") {
  const std::vector<double> candidate = wandering(48, 1, 3);
  std::vector<double> patched = wandering(48, 0.2, 9);
  const auto narrow = recovery_interval(patched, candidate);
  double left = 0, all = 0;
  for (size_t i = 0; i < 48; ++i) left += patched[i], all += candidate[i];
  REQUIRE(narrow);
  CHECK(narrow->low < 1 - left / all);
  CHECK(narrow->high > 1 - left / all);
  const auto again = recovery_interval(patched, candidate);
  CHECK(again->low == narrow->low);
  CHECK(again->high == narrow->high);
  patched[20] = 8;
  const auto wide = recovery_interval(patched, candidate);
  CHECK(wide->high - wide->low > 3 * (narrow->high - narrow->low));
}

TEST_CASE("interval: none of too few steps, of unequal lengths, and of no divergence", "[diagnose]") {
  const std::vector<double> ones(48, 1), zeros(48, 0);
  CHECK_FALSE(recovery_interval(std::vector<double>(7, 1), std::vector<double>(7, 1)));
  CHECK(recovery_interval(std::vector<double>(8, 1), std::vector<double>(8, 1)));
  CHECK_FALSE(recovery_interval(std::vector<double>(47, 1), ones));
  CHECK_FALSE(recovery_interval(ones, zeros));
}

TEST_CASE("interval: nine of ten intervals hold the recovery of the process that they were drawn from", "[diagnose]") {
  int held = 0;
  constexpr int texts = 200;
  for (int text = 0; text < texts; ++text) {
    const auto candidate = wandering(240, 1, 1000 + static_cast<uint64_t>(text)), patched = wandering(240, 0.2, 5000 + static_cast<uint64_t>(text));
    const auto found = recovery_interval(patched, candidate, 24);
    held += found->low <= 0.8 && 0.8 <= found->high;
  }
  CHECK(held > texts * 7 / 10);
}
