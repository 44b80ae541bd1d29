#include "harness/metrics/distribution.h"

#include <algorithm>
#include <cmath>

namespace kvdiff {

double percentile(std::span<const double> values, int per_mille) {
  std::vector<double> sorted(values.begin(), values.end());
  const size_t rank = (sorted.size() * static_cast<size_t>(per_mille) + 999) / 1000;
  const auto place = sorted.begin() + static_cast<std::ptrdiff_t>(rank - 1);
  std::nth_element(sorted.begin(), place, sorted.end());
  return *place;
}

double mean(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

std::vector<double> finite_klds(std::span<const VocabularyStep> vocabulary) {
  std::vector<double> klds;
  for (const VocabularyStep& step : vocabulary)
    if (step.finite) klds.push_back(step.kld);
  return klds;
}

Figure no_value(std::string reason) { return {std::nullopt, std::move(reason)}; }

Figure value_of(double value) {
  if (!std::isfinite(value)) return no_value("beyond the range of a double");
  return {value, {}};
}

Figure ratio(double numerator, double denominator, const char* reason_if_zero) {
  return denominator == 0 ? no_value(reason_if_zero) : value_of(numerator / denominator);
}

}  // namespace kvdiff
