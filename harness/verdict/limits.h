#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/metrics/registry.h"
#include "harness/run_report.h"

namespace kvdiff {

// What a lane shows under the name of a limit, and where.
struct LimitFigure {
  Figure figure;
  int64_t step = -1;
  int32_t layer = -1;
};

// One row per name: limit_metrics.cpp. Worse::larger makes the limit a maximum, Worse::smaller a minimum.
struct LimitMetric {
  std::string_view name, unit, summary;
  Worse worse;
  std::optional<Mode> mode;  // whose values that are not finite break it
  LimitFigure (*measure)(const LaneReport& lane);
};
std::span<const LimitMetric> limit_metrics();

// `METRIC=VALUE`. METRIC is a row of limit_metrics(), a metric of the registry that applies to the logits (forced), or
// MODE.STAGE.METRIC (`local.key.relative_l2`: the worst layer). Throws UserError(usage) with the legal names and the
// nearest match.
LimitReport parse_limit(std::string_view text);

// The same, for a limit that was read from a stored report.
void require_known(const LimitReport& limit);

Worse worse_direction(std::string_view metric);
// Modes whose values that are not finite break the limit; none where it does not ask for numbers of the model.
std::optional<Mode> mode_of(std::string_view metric);
LimitFigure measure_limit(std::string_view metric, const LaneReport& lane);

}  // namespace kvdiff
