#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "cache_backends/device/kernels/all.cuh"
#include "cache_backends/device/launch.h"
#include "cache_backends/device/launch_table.h"
#include "tests/catch.h"
#include "tests/support/random.h"

// The kernels that reduce rows, in every order of their threads and with races looked for: what they find is always the same.
// That it is what the host finds: tests/harness/metrics/device_rows_test.cpp.
namespace kvdiff::device {
namespace {

constexpr Turns all_turns[] = {Turns::forward, Turns::reverse, Turns::random};

template <class Kernel>
void emulate(Turns turns, Checks checks, const typename Kernel::Arguments& arguments) {
  Emulator emulator(checks, turns, 11);
  emulated_launch(id_of<Kernel>()).run(emulator, Kernel::geometry(arguments), &arguments);
}

template <class T>
Span<T> all(std::vector<T>& values) {
  return {values.data(), static_cast<int64_t>(values.size())};
}
Span<const float> all(const std::vector<float>& values) { return {values.data(), static_cast<int64_t>(values.size())}; }

// Runs the kernel once in order, and in every order with all checks; `fill` makes its arguments for the place of the results.
template <class Kernel, class T, class Fill>
std::vector<T> same_in_all_orders(size_t results, const Fill& fill) {
  std::vector<T> expected(results), found(results);
  emulate<Kernel>(Turns::forward, Checks::bounds, fill(all(expected)));
  for (const Turns turns : all_turns) {
    std::fill(found.begin(), found.end(), T{});
    emulate<Kernel>(turns, Checks::races, fill(all(found)));
    CHECK(std::memcmp(static_cast<const void*>(found.data()), expected.data(), results * sizeof(T)) == 0);
  }
  return expected;
}

struct Rows {
  std::vector<float> reference, candidate;
};
Rows drawn(int64_t size, bool broken) {
  test::Random random(static_cast<uint64_t>(size));
  Rows rows{random.normals(size), random.normals(size)};
  for (size_t i = 3; i < rows.reference.size() && broken; i += 11) {
    rows.reference[i] = std::numeric_limits<float>::quiet_NaN();
    rows.candidate[i - 2] = std::numeric_limits<float>::infinity();
  }
  return rows;
}

}  // namespace

TEST_CASE("metric kernels: figures of pairs and of softmax, whatever the order of threads", "[device]") {
  for (const int64_t columns : {1, 13, 64, 600, 1100})
    for (const bool broken : {false, true}) {
      const Rows rows = drawn(2 * columns, broken);
      same_in_all_orders<ComparePairs, PairFigures>(
          2, [&](Span<PairFigures> to) { return ComparePairs::Arguments{all(rows.reference), all(rows.candidate), to, columns}; });
      if (!broken)
        same_in_all_orders<CompareSoftmax, SoftmaxFigures>(
            2, [&](Span<SoftmaxFigures> to) { return CompareSoftmax::Arguments{all(rows.reference), all(rows.candidate), to, columns}; });
    }
}

TEST_CASE("metric kernels: the vocabulary and greedy choices, whatever the order of threads", "[device]") {
  for (const int64_t columns : {1, 2, 255, 700}) {
    Rows made = drawn(columns, false);
    for (float& one : made.reference) one = std::round(one * 2);  // ties
    const Rows& rows = made;
    const auto figures = same_in_all_orders<CompareVocabularies, VocabularyFigures>(1, [&](Span<VocabularyFigures> to) {
      return CompareVocabularies::Arguments{all(rows.reference), all(rows.candidate), to, columns - 1};
    });
    const auto tokens = same_in_all_orders<LargestToken, int32_t>(
        1, [&](Span<int32_t> to) { return LargestToken::Arguments{all(rows.reference), to, columns}; });
    CHECK(tokens[0] == figures[0].reference_token);
    CHECK(figures[0].reference_best == *std::max_element(rows.reference.begin(), rows.reference.end()));
  }
}

TEST_CASE("metric kernels: the digest, whatever the order of threads", "[device]") {
  const Rows rows = drawn(5000, true);
  const auto sums = same_in_all_orders<DigestBits, uint64_t>(
      1, [&](Span<uint64_t> to) { return DigestBits::Arguments{all(rows.reference), to, 77}; });
  uint64_t expected = 0;
  for (size_t i = 0; i < rows.reference.size(); ++i) expected += digest_term(77 + i, canonical_bits(bits_of(rows.reference[i])));
  CHECK(sums[0] == expected);
}

TEST_CASE("metric kernels: scores, the largest logits and noisy choices, whatever the order of threads", "[device]") {
  for (const int64_t columns : {1, 13, 300, 1100})
    for (const bool broken : {false, true}) {
      const std::vector<float> row = drawn(columns, broken).reference;
      const std::vector<int32_t> tokens = {static_cast<int32_t>(columns - 1)};
      const Span<const int32_t> wanted = {tokens.data(), 1};
      same_in_all_orders<ScoreTokens, TokenScore>(1, [&](Span<TokenScore> to) {
        return ScoreTokens::Arguments{all(row), wanted, to, columns, 0.7};
      });
      same_in_all_orders<NextLargest, TokenLogit>(5, [&](Span<TokenLogit> to) {
        return NextLargest::Arguments{all(row), to, {0.25f, 3}};
      });
      same_in_all_orders<NoisiestToken, int32_t>(1, [&](Span<int32_t> to) {
        return NoisiestToken::Arguments{all(row), to, 1.5, 77};
      });
    }
}

}  // namespace kvdiff::device
