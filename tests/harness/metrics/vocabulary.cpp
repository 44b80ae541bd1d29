#include "harness/metrics/vocabulary.h"

#include <cmath>

#include "cache_backends/error.h"
#include "harness/metrics/distribution.h"
#include "harness/metrics/registry.h"
#include "tests/catch.h"
#include "tests/harness/metrics/observations.h"

using namespace kvdiff;

namespace {

VocabularyStep measure(const std::vector<float>& reference, const std::vector<float>& candidate, int32_t followed_token) {
  return measure_vocabulary(0, {softmax_row(reference), {reference, candidate}, followed_token});
}

double value(const char* name, const std::vector<VocabularyStep>& steps) {
  const Figure figure = find_metric(name)->measure({Totals{}, steps});
  INFO(name << ": " << figure.reason);
  REQUIRE(figure.value);
  return *figure.value;
}

std::string reason(const char* name, const std::vector<VocabularyStep>& steps) {
  return find_metric(name)->measure({Totals{}, steps}).reason;
}

VocabularyStep step_with(double kld) {
  VocabularyStep step;
  step.kld = kld;
  return step;
}

}  // namespace

TEST_CASE("KLD, log-probability and perplexity of a distribution made by hand", "[metrics][vocabulary]") {
  // exp: 4/7, 2/7, 1/7 against 1/3 each.
  const float log2 = std::log(2.0f);
  const std::vector<float> reference = {2 * log2, log2, 0}, candidate = {9, 9, 9};
  const VocabularyStep step = measure(reference, candidate, 1);
  const double expected = 4.0 / 7 * std::log(12.0 / 7) + 2.0 / 7 * std::log(6.0 / 7) + 1.0 / 7 * std::log(3.0 / 7);
  CHECK(step.kld == Approx(expected).epsilon(1e-6));
  CHECK(step.reference_logprob == Approx(std::log(2.0 / 7)).epsilon(1e-6));
  CHECK(step.candidate_logprob == Approx(std::log(1.0 / 3)).epsilon(1e-15));
  CHECK(value("perplexity", {step}) == Approx(3).epsilon(1e-15));
  CHECK(value("reference_perplexity", {step}) == Approx(3.5).epsilon(1e-6));
  CHECK(value("perplexity_ratio", {step, step}) == Approx(3 / 3.5).epsilon(1e-6));
}

TEST_CASE("KLD over a whole vocabulary agrees with long double", "[metrics][vocabulary]") {
  const std::vector<float> reference = test::tensor(49152, 1);
  std::vector<float> candidate = test::tensor(49152, 2);
  for (size_t i = 0; i < candidate.size(); ++i) candidate[i] = reference[i] + 0.01f * candidate[i];
  long double reference_sum = 0, candidate_sum = 0, kld = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    reference_sum += std::exp(static_cast<long double>(reference[i]));
    candidate_sum += std::exp(static_cast<long double>(candidate[i]));
  }
  for (size_t i = 0; i < reference.size(); ++i)
    kld += std::exp(static_cast<long double>(reference[i])) / reference_sum *
           (static_cast<long double>(reference[i]) - static_cast<long double>(candidate[i]) -
            std::log(reference_sum / candidate_sum));
  const VocabularyStep step = measure(reference, candidate, -1);
  CHECK(std::fabs(static_cast<long double>(step.kld) - kld) < 1e-15L);
  CHECK(kld > 1e-5L);
}

TEST_CASE("a figure is never infinite", "[metrics][vocabulary]") {
  const VocabularyStep hopeless = measure({0, 2000}, {0, 2000}, 0);
  CHECK(reason("perplexity", {hopeless}) == "beyond the range of a double");
}

TEST_CASE("the reference's softmax is shared by equal rows, and made anew for others", "[metrics][vocabulary]") {
  test::Pair pair = {test::tensor(64, 1), test::tensor(64, 2)};
  Observation observation = test::observe(Stage::attention_logits, pair, 2);
  ReferenceSoftmax shared(1);
  const auto first = shared.of(observation);
  const std::vector<float> copy = pair.reference;
  observation.reference = copy;
  CHECK(shared.of(observation) == first);
  CHECK(first->rows[1].weights == softmax_row(std::span(copy).subspan(32)).weights);
  pair.reference[40] += 1;
  observation.reference = pair.reference;
  const auto second = shared.of(observation);
  CHECK(second != first);
  CHECK(second->rows[1].sum == softmax_row(std::span<const float>(pair.reference).subspan(32)).sum);
  observation.rows = 1;
  observation.columns = 64;
  CHECK(shared.of(observation)->rows.size() == 1);
}

TEST_CASE("top two, ties and ranks: the lowest id wins", "[metrics][vocabulary]") {
  CHECK(top_two(std::vector<float>{1, 3, 3, 2}).token == 1);
  CHECK(top_two(std::vector<float>{1, 3, 3, 2}).margin == 0);
  CHECK(top_two(std::vector<float>{4, 3, 3.5f}).margin == 0.5);
  CHECK(top_two(std::vector<float>{-2}).token == 0);
  CHECK(top_two(std::vector<float>{-2}).margin == 0);
  const std::vector<float> logits = {1, 3, 3, 2, 3};
  CHECK(rank_of(logits, 1) == 0);
  CHECK(rank_of(logits, 2) == 1);
  CHECK(rank_of(logits, 4) == 2);
  CHECK(rank_of(logits, 3) == 3);
  CHECK(rank_of(logits, 0) == 4);
}

TEST_CASE("a flip carries margin, gap and rank", "[metrics][vocabulary]") {
  const std::vector<float> reference = {5, 4.5f, 4, 0}, candidate = {4, 4.5f, 6, 0};
  const VocabularyStep step = measure(reference, candidate, -1);
  CHECK(step.flip);
  CHECK(step.reference_token == 0);
  CHECK(step.candidate_token == 2);
  CHECK(step.reference_margin == 0.5);
  CHECK(step.candidate_margin == 1.5);
  CHECK(step.flip_gap == 1);
  CHECK(step.candidate_rank == 2);
  CHECK(step.near_tie == NearTie::unknown);
  CHECK(reason("perplexity", {step}) == "no step with finite logits has a token that follows");

  const VocabularyStep tie = measure({1, 1}, {1, 1}, 0);
  CHECK_FALSE(tie.flip);
  CHECK_THROWS_AS(measure(reference, candidate, 4), InternalError);
}

TEST_CASE("flips are split only where every near-tie is known", "[metrics][vocabulary]") {
  VocabularyStep same, near, real, broken;
  near.flip = real.flip = true;
  near.near_tie = NearTie::yes;
  near.reference_margin = 0.001;
  real.near_tie = NearTie::no;
  real.reference_margin = 0.5;
  real.flip_gap = 0.75;
  real.candidate_rank = 3;
  broken.finite = false;
  broken.flip = true;
  const std::vector<VocabularyStep> known = {same, near, real, broken};
  CHECK(value("flips", known) == 2);
  CHECK(value("flip_share", known) == Approx(2.0 / 3).epsilon(1e-15));
  CHECK(value("near_tie_flips", known) == 1);
  CHECK(value("real_flips", known) == 1);
  CHECK(value("largest_flip_margin", known) == 0.5);
  CHECK(value("largest_flip_gap", known) == 0.75);
  CHECK(value("candidate_rank_max", known) == 3);
  CHECK(value("candidate_rank_mean", known) == 1);

  real.near_tie = NearTie::unknown;
  CHECK(reason("real_flips", {same, near, real}) == "near-ties are unknown: the arithmetic floor was not measured");
  CHECK(value("flips", {same, near, real}) == 2);
  CHECK(value("real_flips", {same}) == 0);
  CHECK(reason("largest_flip_margin", {same}) == "no flip");
  CHECK(reason("flips", {broken}) == "no step has finite logits on both sides");
}

TEST_CASE("percentiles are by nearest rank, so always a value that was seen", "[metrics][percentiles]") {
  const std::vector<double> one = {3}, four = {4, 1, 3, 2};
  for (const int per_mille : {1, 500, 900, 990, 999, 1000}) CHECK(percentile(one, per_mille) == 3);
  CHECK(percentile(four, 500) == 2);
  CHECK(percentile(four, 501) == 3);
  CHECK(percentile(four, 750) == 3);
  CHECK(percentile(four, 900) == 4);

  std::vector<double> thousand;
  for (int i = 1000; i >= 1; --i) thousand.push_back(i);
  CHECK(percentile(thousand, 500) == 500);
  CHECK(percentile(thousand, 900) == 900);
  CHECK(percentile(thousand, 990) == 990);
  CHECK(percentile(thousand, 999) == 999);
  CHECK(percentile(thousand, 1000) == 1000);
}

TEST_CASE("the summaries of KLD", "[metrics][percentiles]") {
  std::vector<VocabularyStep> steps;
  for (int i = 1; i <= 10; ++i) steps.push_back(step_with(i));
  VocabularyStep broken = step_with(1e9);
  broken.finite = false;
  steps.push_back(broken);
  CHECK(value("kld_mean", steps) == 5.5);
  CHECK(value("kld_median", steps) == 5);
  CHECK(value("kld_p90", steps) == 9);
  CHECK(value("kld_p99", steps) == 10);
  CHECK(value("kld_p99.9", steps) == 10);
  CHECK(value("kld_max", steps) == 10);
}
