#include "harness/metrics/divergence.h"

#include <cmath>
#include <fmt/format.h>
#include <limits>

#include "cache_backends/error.h"
#include "tests/catch.h"

using namespace kvdiff;

namespace {

std::string name(int32_t id) { return fmt::format("t{}", id); }

std::vector<int32_t> ids(const std::vector<TokenChoice>& choices) {
  std::vector<int32_t> found;
  for (const TokenChoice& choice : choices) found.push_back(choice.id);
  return found;
}

}  // namespace

TEST_CASE("top choices: descending, ties by the lowest id, NaN never", "[metrics][divergence]") {
  const float not_a_number = std::numeric_limits<float>::quiet_NaN();
  CHECK(ids(top_choices(LogitRow(std::vector<float>{1, 7, 3, 7, not_a_number, 5, 3}), 5, name)) == std::vector<int32_t>{1, 3, 5, 2, 6});
  CHECK(ids(top_choices(LogitRow(std::vector<float>{2, 1}), 5, name)) == std::vector<int32_t>{0, 1});
  CHECK(top_choices(LogitRow({}), 5, name).empty());
  const std::vector<TokenChoice> top = top_choices(LogitRow(std::vector<float>{0, std::log(3.0f)}), 2, name);
  CHECK(top[0].text == "t1");
  CHECK(top[0].logprob == Approx(std::log(0.75)).epsilon(1e-6));
  CHECK(top[1].logprob == Approx(std::log(0.25)).epsilon(1e-6));
}

TEST_CASE("a divergence shows both sides", "[metrics][divergence]") {
  const std::vector<float> reference = {3, 2.75f, 1, 0, 0, 0, 0}, candidate = {2, 2.5f, 1, 0, 0, 0, 0};
  DivergenceStep at = {131, 0, 1, LogitRow(reference), LogitRow(candidate), std::nullopt};
  const Divergence found = describe_divergence(at, name);
  CHECK(found.step == 131);
  CHECK(found.reference.text == "t0");
  CHECK(found.reference.logit == 3);
  CHECK(found.candidate.text == "t1");
  CHECK(found.candidate.logit == 2.5);
  CHECK(found.reference_for_candidate.id == 1);
  CHECK(found.reference_for_candidate.logit == 2.75);
  CHECK(ids(found.reference_top) == std::vector<int32_t>{0, 1, 2, 3, 4});
  CHECK(ids(found.candidate_top) == std::vector<int32_t>{1, 0, 2, 3, 4});
  CHECK(found.reference_margin == 0.25);
  CHECK(found.candidate_margin == 0.5);
  CHECK(found.near_tie == NearTie::unknown);

  at.arithmetic_floor = 0.125;
  CHECK(describe_divergence(at, name).near_tie == NearTie::yes);
  at.arithmetic_floor = 0.124;
  CHECK(describe_divergence(at, name).near_tie == NearTie::no);
  at.candidate_token = 7;
  CHECK_THROWS_AS(describe_divergence(at, name), InternalError);
}

TEST_CASE("a near-tie is three-valued", "[metrics][divergence]") {
  CHECK(near_tie(0.5, std::nullopt) == NearTie::unknown);
  CHECK(near_tie(0.5, 0.25) == NearTie::yes);
  CHECK(near_tie(0.5, 0.2) == NearTie::no);
  CHECK(near_tie(0, 0.0) == NearTie::yes);
  CHECK(name_of(NearTie::unknown) == "unknown");
}
