#pragma once
#include <span>
#include <string>
#include <vector>

#include "harness/metrics/measurements.h"

namespace kvdiff {

// Percentiles by nearest rank: the value number ceil(p n) of n in ascending order, so always one that was observed, and
// with few values the largest (n < 100: p99 is the maximum; n = 10: the median is the 5th). per_mille = 1000 p, 1..1000.
// values must not be empty; they are copied.
double percentile(std::span<const double> values, int per_mille);
// Sum in the given order, divided by the count; values must not be empty.
double mean(std::span<const double> values);

// KLD of the steps that have one, in the order of steps.
std::vector<double> finite_klds(std::span<const VocabularyStep> vocabulary);

Figure no_value(std::string reason);
Figure value_of(double value);  // NaN and infinity: no value, with the reason
// numerator / denominator, or no value for that reason where the denominator is 0.
Figure ratio(double numerator, double denominator, const char* reason_if_zero);

inline constexpr const char* nothing_finite = "nothing finite was compared";
inline constexpr const char* no_attention_rows = "no attention row was finite on both sides";
inline constexpr const char* no_finite_step = "no step has finite logits on both sides";

}  // namespace kvdiff
