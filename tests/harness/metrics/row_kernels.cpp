#include "harness/metrics/kernels/row_kernels.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "cache_backends/kernels/simd.h"
#include "harness/metrics/portable_math.h"
#include "tests/catch.h"
#include "tests/harness/metrics/observations.h"

using namespace kvdiff;

namespace {

constexpr int64_t sizes[] = {1, 2, 7, 8, 9, 15, 16, 17, 64, 131, 1000};

// The written order, one element after another.
struct Ordered {
  double part[8] = {};
  void add(int64_t i, double value) { part[i % 8] += value; }
  double joined() const {
    return ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
  }
};

PairSums pair_sums_in_order(const std::vector<float>& reference, const std::vector<float>& candidate) {
  Ordered rr, cc, rc, dd, ad, flips;
  double max = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    const double r = reference[i], c = candidate[i];
    const auto at = static_cast<int64_t>(i);
    rr.add(at, r * r);
    cc.add(at, c * c);
    rc.add(at, r * c);
    dd.add(at, (r - c) * (r - c));
    ad.add(at, std::fabs(r - c));
    flips.add(at, r * c < 0 ? 1 : 0);
    max = std::max(max, std::fabs(r - c));
  }
  return {rr.joined(), cc.joined(), rc.joined(), dd.joined(), ad.joined(), flips.joined(), max};
}

struct Softmax {
  std::vector<double> weights;
  double reference, candidate, weighted_difference;
};

Softmax softmax_in_order(const std::vector<float>& reference, const std::vector<float>& candidate) {
  Ordered reference_sum, candidate_sum, weighted;
  Softmax result;
  const double reference_max = *std::max_element(reference.begin(), reference.end());
  const double candidate_max = *std::max_element(candidate.begin(), candidate.end());
  for (size_t i = 0; i < reference.size(); ++i) {
    const double r = reference[i] - reference_max, c = candidate[i] - candidate_max, weight = portable_exp(r);
    const auto at = static_cast<int64_t>(i);
    result.weights.push_back(weight);
    reference_sum.add(at, weight);
    candidate_sum.add(at, portable_exp(c));
    weighted.add(at, weight * (r - c));
  }
  result.reference = reference_sum.joined();
  result.candidate = candidate_sum.joined();
  result.weighted_difference = weighted.joined();
  return result;
}

Softmax softmax_by(const RowKernels& kernels, const std::vector<float>& reference, const std::vector<float>& candidate) {
  const auto size = static_cast<int64_t>(reference.size());
  Softmax result;
  result.weights.resize(reference.size());
  const float reference_max = kernels.largest(reference.data(), size), candidate_max = kernels.largest(candidate.data(), size);
  result.reference = kernels.softmax_weights(reference.data(), size, reference_max, result.weights.data());
  const SoftmaxSums sums = kernels.softmax_sums(
      {result.weights.data(), reference.data(), candidate.data(), size, reference_max, candidate_max});
  result.candidate = sums.candidate;
  result.weighted_difference = sums.weighted_difference;
  return result;
}

std::vector<const RowKernels*> all_kernels() {
  std::vector<const RowKernels*> found = {&row_kernels_baseline()};
  if (supported(Simd::avx2)) found.push_back(&row_kernels_avx2());
  return found;
}

std::vector<float> scaled(std::vector<float> values, float scale) {
  for (float& value : values) value *= scale;
  return values;
}

}  // namespace

TEST_CASE("sums over pairs have the bits of the written order, at any width", "[metrics][row_kernels]") {
  for (const RowKernels* kernels : all_kernels())
    for (const int64_t size : sizes) {
      const std::vector<float> r = test::tensor(size, 1), c = test::tensor(size, 2);
      const PairSums found = kernels->pair_sums(r.data(), c.data(), size), expected = pair_sums_in_order(r, c);
      INFO("size " << size);
      CHECK(found.reference_squared == expected.reference_squared);
      CHECK(found.candidate_squared == expected.candidate_squared);
      CHECK(found.product == expected.product);
      CHECK(found.difference_squared == expected.difference_squared);
      CHECK(found.absolute_difference == expected.absolute_difference);
      CHECK(found.sign_flips == expected.sign_flips);
      CHECK(found.max_abs == expected.max_abs);
      CHECK(kernels->largest(r.data(), size) == *std::max_element(r.begin(), r.end()));
    }
}

TEST_CASE("softmax sums have the bits of the written order, at any width", "[metrics][row_kernels]") {
  for (const RowKernels* kernels : all_kernels())
    for (const int64_t size : sizes)
      for (const float scale : {1.0f, 30.0f, 400.0f}) {  // 400: weights that are exactly 0
        const std::vector<float> r = scaled(test::tensor(size, 3), scale), c = scaled(test::tensor(size, 4), scale);
        const Softmax expected = softmax_in_order(r, c), found = softmax_by(*kernels, r, c);
        INFO("size " << size << ", scale " << scale);
        CHECK(found.weights == expected.weights);
        CHECK(found.reference == expected.reference);
        CHECK(found.candidate == expected.candidate);
        CHECK(found.weighted_difference == expected.weighted_difference);
      }
}

// Reported numbers stand on these sums.
TEST_CASE("sums over pairs have golden bits", "[metrics][row_kernels][golden]") {
  const std::vector<float> r = test::tensor(1000, 1), c = test::tensor(1000, 2);
  const PairSums pair = row_kernels().pair_sums(r.data(), c.data(), 1000);
  const Softmax softmax = softmax_by(row_kernels(), r, c);
  CHECK(pair.product == -0x1.81152bb9273a1p+4);
  CHECK(pair.difference_squared == 0x1.20f6ea36b1a52p+11);
  CHECK(softmax.reference == 0x1.22a3cbbb25ef5p+4);
  CHECK(softmax.weighted_difference == 0x1.338f4af293279p+6);
}
