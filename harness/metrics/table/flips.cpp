#include "harness/metrics/table/rows.h"

#include <algorithm>

#include "harness/metrics/distribution.h"

namespace kvdiff::metric {

namespace {

struct Flips {
  int64_t steps = 0, all = 0, near_ties = 0, unknown = 0;
  double largest_margin = 0, largest_gap = 0;
};

Flips count(const Sample& sample) {
  Flips flips;
  for (const VocabularyStep& step : sample.vocabulary) {
    if (!step.finite) continue;
    ++flips.steps;
    if (!step.flip) continue;
    ++flips.all;
    flips.near_ties += step.near_tie == NearTie::yes;
    flips.unknown += step.near_tie == NearTie::unknown;
    flips.largest_margin = std::max(flips.largest_margin, step.reference_margin);
    flips.largest_gap = std::max(flips.largest_gap, step.flip_gap);
  }
  return flips;
}

Figure number(const Flips& flips, int64_t value) {
  return flips.steps == 0 ? no_value(no_finite_step) : value_of(static_cast<double>(value));
}

// A count of near-ties and of real flips exists only where each flip's kind is known.
Figure number_of_known(const Flips& flips, int64_t value) {
  if (flips.unknown > 0) return no_value("near-ties are unknown: the arithmetic floor was not measured");
  return number(flips, value);
}

Figure largest_of_flips(const Flips& flips, double value) {
  if (flips.steps > 0 && flips.all == 0) return no_value("no flip");
  return flips.steps == 0 ? no_value(no_finite_step) : value_of(value);
}

}  // namespace

Figure flips(const Sample& sample) {
  const Flips found = count(sample);
  return number(found, found.all);
}

Figure flip_share(const Sample& sample) {
  const Flips found = count(sample);
  return ratio(static_cast<double>(found.all), static_cast<double>(found.steps), no_finite_step);
}

Figure near_tie_flips(const Sample& sample) {
  const Flips found = count(sample);
  return number_of_known(found, found.near_ties);
}

Figure real_flips(const Sample& sample) {
  const Flips found = count(sample);
  return number_of_known(found, found.all - found.near_ties);
}

Figure largest_flip_margin(const Sample& sample) {
  const Flips found = count(sample);
  return largest_of_flips(found, found.largest_margin);
}

Figure largest_flip_gap(const Sample& sample) {
  const Flips found = count(sample);
  return largest_of_flips(found, found.largest_gap);
}

}  // namespace kvdiff::metric
