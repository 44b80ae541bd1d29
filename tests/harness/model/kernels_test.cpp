#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "harness/model/kernels/kernels.h"
#include "harness/model/matrix.h"
#include "tests/catch.h"
#include "tests/support/random.h"

using namespace kvdiff;
using kvdiff::test::Random;

namespace {

std::vector<const Kernels*> fast_kernels() {
  std::vector<const Kernels*> all;
  if (supported(Simd::avx2)) all = {&scalar_fma_kernels, &avx2_kernels};
  if (supported(Simd::avx512)) all.push_back(&avx512_kernels);
  return all;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

std::vector<float> awkward_values(Random& random, int64_t count) {
  std::vector<float> values = random.normals(count, 3.0f);
  const float special[] = {0.0f, -0.0f, 65504.0f, 65520.0f, 1e-8f, 6e-8f, -5.96e-8f, 3.4e38f, 1e-40f, 88.7f, -87.4f,
                           -103.5f, std::numeric_limits<float>::infinity(), 2049.0f, 0.33325195f};
  for (const float value : special) values[static_cast<size_t>(random.below(count))] = value;
  return values;
}

}  // namespace

TEST_CASE("linear: every implementation gives the scalar reference's bits", "[kernels]") {
  Random random(1);
  for (const Dtype stored : {Dtype::float16, Dtype::bfloat16, Dtype::float32})
    for (const int64_t inputs : {1, 16, 255, 256, 257, 576, 1536})
      for (const int64_t outputs : {1, 16, 19, 64})
        for (const int64_t rows : {1, 2, 5, 6, 7, 13, 29}) {
          ThreadPool pool(1), two(2);
          WeightMatrix matrix(outputs, inputs, stored, [&](int64_t, std::span<float> row) {
            for (float& value : row) value = round_to(stored, random.normal());
          }, pool);
          const std::vector<float> x = random.normals(rows * inputs);
          std::vector<float> expected(static_cast<size_t>(rows * outputs)), got(expected.size());
          set_active_simd(Simd::scalar);
          matrix.multiply(x, rows, expected, pool);
          for (const Simd simd : {Simd::avx2, Simd::avx512}) {
            if (!supported(simd)) continue;
            set_active_simd(simd);
            matrix.multiply(x, rows, got, two);
            REQUIRE(same_bits(expected, got));
          }
          set_active_simd(best_simd());
        }
}

TEST_CASE("linear: a row has the same bits alone and in any batch", "[kernels]") {
  Random random(2);
  const int64_t inputs = 577, outputs = 48, rows = 23;
  ThreadPool pool(1);
  WeightMatrix matrix(outputs, inputs, Dtype::float16, [&](int64_t, std::span<float> row) {
    for (float& value : row) value = round_to(Dtype::float16, random.normal());
  }, pool);
  const std::vector<float> x = random.normals(rows * inputs);
  std::vector<float> all(static_cast<size_t>(rows * outputs)), one(static_cast<size_t>(outputs));
  matrix.multiply(x, rows, all, pool);
  for (int64_t row = 0; row < rows; ++row) {
    matrix.multiply(std::span(x).subspan(static_cast<size_t>(row * inputs), static_cast<size_t>(inputs)), 1, one, pool);
    REQUIRE(std::memcmp(one.data(), all.data() + row * outputs, sizeof(float) * static_cast<size_t>(outputs)) == 0);
  }
}

TEST_CASE("element-wise kernels and sums: every implementation gives the scalar reference's bits", "[kernels]") {
  Random random(3);
  for (const Kernels* fast : fast_kernels())
    for (const int64_t count : {1, 7, 16, 17, 255, 256, 257, 512, 1000, 1024, 1025, 2049, 5000}) {
      const std::vector<float> values = awkward_values(random, count), up = random.normals(count);
      CHECK(std::bit_cast<uint32_t>(fast->sum(up.data(), count)) ==
            std::bit_cast<uint32_t>(scalar_kernels.sum(up.data(), count)));
      CHECK(std::bit_cast<uint32_t>(fast->sum_of_squares(up.data(), count)) ==
            std::bit_cast<uint32_t>(scalar_kernels.sum_of_squares(up.data(), count)));
      CHECK(fast->largest(values.data(), count) == scalar_kernels.largest(values.data(), count));
      for (const Dtype dtype : {Dtype::float16, Dtype::bfloat16, Dtype::float32}) {
        std::vector<float> a = values, b = values;
        scalar_kernels.round(dtype, a.data(), count);
        fast->round(dtype, b.data(), count);
        REQUIRE(same_bits(a, b));
        a = b = random.normals(count, 8.0f);
        scalar_kernels.silu_multiply(dtype, a.data(), up.data(), count);
        fast->silu_multiply(dtype, b.data(), up.data(), count);
        REQUIRE(same_bits(a, b));
      }
      std::vector<float> a = values, b = values;
      scalar_kernels.exp_minus(a.data(), count, 0.25f);
      fast->exp_minus(b.data(), count, 0.25f);
      REQUIRE(same_bits(a, b));
      scalar_kernels.divide(a.data(), count, 3.7f);
      fast->divide(b.data(), count, 3.7f);
      REQUIRE(same_bits(a, b));
    }
}

TEST_CASE("scores and weighted values: every implementation gives the scalar reference's bits", "[kernels]") {
  Random random(4);
  for (const Kernels* fast : fast_kernels())
    for (const int64_t head_size : {8, 24, 64, 80, 96, 128, 256, 300})
      for (const int64_t count : {1, 15, 16, 17, 64})
        for (const int64_t queries : {1, 3, 4, 8, 48}) {
          const int64_t stride = count + 3;
          const std::vector<float> q = random.normals(queries * head_size), k = random.normals(count * head_size);
          const std::vector<float> p = random.normals(queries * stride);
          std::vector<float> a(static_cast<size_t>(queries * stride)), b = a;
          scalar_kernels.scores(q.data(), queries, k.data(), count, head_size, 0.125f, a.data(), stride);
          fast->scores(q.data(), queries, k.data(), count, head_size, 0.125f, b.data(), stride);
          REQUIRE(same_bits(a, b));
          std::vector<float> s = random.normals(queries * head_size), t = s;
          scalar_kernels.weigh(p.data(), queries, stride, k.data(), count, head_size, s.data());
          fast->weigh(p.data(), queries, stride, k.data(), count, head_size, t.data());
          REQUIRE(same_bits(s, t));
        }
}

TEST_CASE("exp: within 1.1 units in the last place of the true value", "[kernels]") {
  double worst = 0;
  for (float x = -87.0f; x < 88.0f; x += 0.00137f) {
    float y = x;
    scalar_kernels.exp_minus(&y, 1, 0.0f);
    const long double exact = expl(static_cast<long double>(x));
    const float next = std::nextafter(y, std::numeric_limits<float>::infinity());
    worst = std::max(worst, static_cast<double>(std::fabs(static_cast<long double>(y) - exact) /
                                                static_cast<long double>(next - y)));
  }
  CHECK(worst < 1.1);
  float edges[] = {-104.0f, 89.0f, 0.0f, std::numeric_limits<float>::quiet_NaN()};
  scalar_kernels.exp_minus(edges, 4, 0.0f);
  CHECK(edges[0] == 0.0f);
  CHECK(std::isinf(edges[1]));
  CHECK(edges[2] == 1.0f);
  CHECK(std::isnan(edges[3]));
}

TEST_CASE("16-bit conversions: every float16 and bfloat16 survives, ties go to even", "[kernels]") {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float half = from_float16_bits(static_cast<uint16_t>(bits));
    if (!std::isnan(half)) REQUIRE(float16_bits(half) == bits);
    const float brain = from_bfloat16_bits(static_cast<uint16_t>(bits));
    if (!std::isnan(brain)) REQUIRE(bfloat16_bits(brain) == bits);
  }
  CHECK(round_to(Dtype::float16, 2049.0f) == 2048.0f);
  CHECK(round_to(Dtype::float16, 2051.0f) == 2052.0f);
  CHECK(round_to(Dtype::float16, 65519.996f) == 65504.0f);
  CHECK(std::isinf(round_to(Dtype::float16, 65520.0f)));
  CHECK(round_to(Dtype::float16, 0x1p-25f) == 0.0f);
  CHECK(round_to(Dtype::float16, std::nextafter(0x1p-25f, 1.0f)) == 0x1p-24f);
}
