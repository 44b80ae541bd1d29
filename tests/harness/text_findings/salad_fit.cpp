#include "tests/harness/text_findings/salad_fit.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "harness/text_findings/salad_features.h"

namespace kvdiff::test {
namespace {

constexpr size_t size = salad_feature_count + 1;  // the last one is the intercept
using Row = std::array<double, size>;

constexpr int64_t window = 32, step = 8;

struct Window {
  Row features;
  double salad, weight;  // salad: 0 or 1
};

struct Tokens {  // of one text
  std::vector<SaladFeatures> features;
  std::vector<bool> counts;
};

// Windows over [first, end), or all of it if it is shorter.
void add_windows(std::vector<Window>& all, const Tokens& tokens, int64_t first, int64_t end, double salad) {
  const int64_t last = std::max(first, end - window);
  const double weight = 1.0 / static_cast<double>((last - first) / step + 1);
  for (int64_t begin = first; begin <= last; begin += step) {
    const int64_t stop = std::min(begin + window, end);
    Window one{{}, salad, weight};
    const auto counted = std::count(tokens.counts.begin() + begin, tokens.counts.begin() + stop, true);
    if (counted < 8) continue;
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(stop); ++i)
      for (size_t j = 0; tokens.counts[i] && j < salad_feature_count; ++j) one.features[j] += tokens.features[i][j] / static_cast<double>(counted);
    one.features[size - 1] = 1;
    all.push_back(one);
  }
}

std::vector<Window> windows_of(const std::vector<const LabelledText*>& texts) {
  std::vector<Window> all;
  for (const LabelledText* one : texts) {
    const auto length = static_cast<int64_t>(one->text.tokens.size());
    if (length < 16) continue;
    const Tokens tokens{salad_features(one->text.generated()), salad_counts(one->text.generated())};
    const auto& [kind, onset] = one->right[0];
    if (kind == "none") add_windows(all, tokens, 0, length, 0);
    if (kind != "word_salad") continue;
    add_windows(all, tokens, onset, std::min(length, onset + window + step), 1);
    if (onset >= window) add_windows(all, tokens, 0, onset, 0);
  }
  return all;
}

// a x = b, by Gauss with pivots; the answer in b.
void solve(std::array<Row, size>& a, Row& b) {
  for (size_t i = 0; i < size; ++i) {
    size_t pivot = i;
    for (size_t j = i + 1; j < size; ++j)
      if (std::abs(a[j][i]) > std::abs(a[pivot][i])) pivot = j;
    std::swap(a[i], a[pivot]);
    std::swap(b[i], b[pivot]);
    for (size_t j = 0; j < size; ++j) {
      if (j == i) continue;
      const double times = a[j][i] / a[i][i];
      for (size_t k = i; k < size; ++k) a[j][k] -= times * a[i][k];
      b[j] -= times * b[i];
    }
  }
  for (size_t i = 0; i < size; ++i) b[i] /= a[i][i];
}

// Standard deviations: what the ridge measures weights by.
Row spread_of(const std::vector<Window>& windows) {
  Row spread{};
  for (size_t j = 0; j + 1 < size; ++j) {
    double sum = 0, squares = 0;
    for (const Window& one : windows) sum += one.features[j], squares += one.features[j] * one.features[j];
    const auto count = static_cast<double>(windows.size());
    spread[j] = std::sqrt(std::max(0.0, squares / count - sum / count * (sum / count)));
  }
  return spread;
}

Row regression(const std::vector<Window>& windows) {
  constexpr double ridge = 1e-2;
  constexpr int steps = 12;
  const Row spread = spread_of(windows);
  double total = 0;
  for (const Window& one : windows) total += one.weight;
  Row weights{};
  for (int i = 0; i < steps; ++i) {
    std::array<Row, size> hessian{};
    Row gradient{};
    for (size_t j = 0; j < size; ++j) {
      hessian[j][j] = ridge * spread[j] * spread[j];
      gradient[j] = ridge * spread[j] * spread[j] * weights[j];
    }
    for (const Window& one : windows) {
      double odds = 0;
      for (size_t j = 0; j < size; ++j) odds += weights[j] * one.features[j];
      const double p = 1 / (1 + std::exp(-odds)), weight = one.weight / total;
      for (size_t j = 0; j < size; ++j) {
        gradient[j] += weight * (p - one.salad) * one.features[j];
        for (size_t k = 0; k < size; ++k) hessian[j][k] += weight * p * (1 - p) * one.features[j] * one.features[k];
      }
    }
    solve(hessian, gradient);
    for (size_t j = 0; j < size; ++j) weights[j] -= gradient[j];
  }
  return weights;
}

}  // namespace

void fit_salad(GibberishRules& rules, const std::vector<const LabelledText*>& texts) {
  const Row weights = regression(windows_of(texts));
  const auto rounded = [](double weight) { return std::round(100 * weight) / 100; };
  std::transform(weights.begin(), weights.begin() + salad_feature_count, rules.salad_weights.begin(), rounded);
  rules.salad_intercept = rounded(weights[size - 1]);
}

}  // namespace kvdiff::test
