#include "harness/metrics/table/rows.h"

#include "harness/metrics/distribution.h"

namespace kvdiff::metric {

namespace {

Figure summary(const Sample& sample, double (*summarise)(std::span<const double> klds)) {
  const std::vector<double> klds = finite_klds(sample.vocabulary);
  return klds.empty() ? no_value(no_finite_step) : value_of(summarise(klds));
}

}  // namespace

Figure kld_mean(const Sample& sample) { return summary(sample, mean); }

Figure kld_median(const Sample& sample) {
  return summary(sample, [](std::span<const double> klds) { return percentile(klds, 500); });
}

Figure kld_p90(const Sample& sample) {
  return summary(sample, [](std::span<const double> klds) { return percentile(klds, 900); });
}

Figure kld_p99(const Sample& sample) {
  return summary(sample, [](std::span<const double> klds) { return percentile(klds, 990); });
}

Figure kld_p99_9(const Sample& sample) {
  return summary(sample, [](std::span<const double> klds) { return percentile(klds, 999); });
}

Figure kld_max(const Sample& sample) {
  return summary(sample, [](std::span<const double> klds) { return percentile(klds, 1000); });
}

}  // namespace kvdiff::metric
