#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

// A value for each token of a text, and what is made of such columns. All of them O(tokens).
namespace kvdiff {

using Column = std::vector<double>;

// of(token) for each of `tokens`.
template <class Of>
Column column(size_t tokens, const Of& of) {
  Column values(tokens);
  for (size_t i = 0; i < tokens; ++i) values[i] = of(i);
  return values;
}

inline Column above(const Column& values, double line) {
  return column(values.size(), [&](size_t i) { return values[i] > line ? 1 : 0; });
}
inline Column below(const Column& values, double line) {
  return column(values.size(), [&](size_t i) { return values[i] < line ? 1 : 0; });
}
inline Column times(const Column& a, const Column& b) {
  return column(a.size(), [&](size_t i) { return a[i] * b[i]; });
}
inline Column minus(const Column& a, const Column& b) {
  return column(a.size(), [&](size_t i) { return a[i] - b[i]; });
}
// Where b is less than `least`, that stands for it.
inline Column over(const Column& a, const Column& b, double least) {
  return column(a.size(), [&](size_t i) { return a[i] / std::max(b[i], least); });
}
inline Column clipped(const Column& values, double largest) {
  return column(values.size(), [&](size_t i) { return std::clamp(values[i], -largest, largest); });
}

// Sums over the tokens before each place: one more than there are tokens.
inline Column sums(const Column& values) {
  Column all = {0};
  for (const double value : values) all.push_back(all.back() + value);
  return all;
}

// Mean over the tokens [token + first, token + end) that there are; 0 if there are none.
inline Column window_mean(const Column& values, int64_t first, int64_t end) {
  const Column sum = sums(values);
  const auto size = static_cast<int64_t>(values.size());
  return column(values.size(), [&](size_t i) {
    const int64_t low = std::clamp(static_cast<int64_t>(i) + first, int64_t{0}, size);
    const int64_t high = std::clamp(static_cast<int64_t>(i) + end, int64_t{0}, size);
    if (high <= low) return 0.0;
    return (sum[static_cast<size_t>(high)] - sum[static_cast<size_t>(low)]) / static_cast<double>(high - low);
  });
}

// Mean over the token and all that follow.
inline Column tail_mean(const Column& values) {
  const Column sum = sums(values);
  return column(values.size(), [&](size_t i) { return (sum.back() - sum[i]) / static_cast<double>(values.size() - i); });
}

}  // namespace kvdiff
