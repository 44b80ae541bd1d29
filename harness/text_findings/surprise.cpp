#include "harness/text_findings/surprise.h"

#include <numeric>

#include "harness/metrics/portable_math.h"
#include "harness/text_findings/salad_features.h"
#include "harness/text_findings/utf8.h"

namespace kvdiff {
namespace {

constexpr double zipf = 2.4;
constexpr double neutral = 0.45;

}  // namespace

double Surprise::share(int64_t first, int64_t end) const {
  const auto sum = [&](const Column& values) { return std::accumulate(values.begin() + first, values.begin() + end, 0.0); };
  return sum(left) / sum(worth);
}

Surprise surprise_of(const GeneratedText& text) {
  Surprise surprise;
  surprise.worth = column(text.tokens.size(), [&](size_t i) { return portable_log(static_cast<double>(text.tokens[i]) + 1) + zipf; });
  surprise.left = column(text.tokens.size(), [&](size_t i) {
    const bool bytes = first_invalid_utf8(text.pieces[i], false).has_value();
    return bytes ? neutral * surprise.worth[i] : std::min(text.nll[i], largest_nll);
  });
  return surprise;
}

}  // namespace kvdiff
