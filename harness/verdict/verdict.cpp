#include "harness/verdict/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "harness/verdict/exit_codes.h"
#include "harness/verdict/limits.h"
#include "harness/verdict/receipt_check.h"

namespace kvdiff {
namespace {

bool was_measured(const LaneReport& lane) { return lane.status != LaneStatus::error && lane.status != LaneStatus::skipped; }

bool is_measured_candidate(const LaneReport& lane) { return lane.role == LaneRole::candidate && was_measured(lane); }

std::string reference_fault(const RunReport& report) {
  for (const LaneReport& lane : report.lanes) {
    for (const NotFiniteReport& found : lane.not_finite) {
      if (!found.in_reference) continue;
      return fmt::format("{} in the reference itself: {}, step {}, layer {}; the model, its dtype or the prompt is at fault, "
                         "not a cache: try --dtype float32", found.value, name_of(found.stage), found.place.step, found.place.layer);
    }
  }
  return "";
}

std::string floor_fault(const FloorCheck& check, std::string_view what, bool partial) {
  if (check.measured && !check.exact) return fmt::format("{}: {}", what, check.difference);
  if (check.measured || partial || !check.difference.empty()) return "";
  return fmt::format("{} was not measured: nothing shows that differences come from the caches", what);
}

std::string determinism_fault(const RunReport& report) {
  const std::string fault = floor_fault(report.floors.control, "the control differs from the reference", report.partial);
  if (!fault.empty()) return fault;
  return floor_fault(report.floors.recomputation, "recomputed without a cache, the reference differs", report.partial);
}

bool is_exceeded(const LimitReport& limit, double value) {
  return worse_direction(limit.metric) == Worse::smaller ? value < limit.value : value > limit.value;
}

const NotFiniteReport* not_finite_in(const LaneReport& lane, std::optional<Mode> mode) {
  const auto found = std::ranges::find_if(lane.not_finite, [&](const auto& one) { return one.mode == mode; });
  return found == lane.not_finite.end() ? nullptr : &*found;
}

LaneVerdict failed(const LimitBreach& breach, std::string reason) { return {LaneStatus::failed, std::move(reason), breach}; }

std::string where(const LimitFigure& found) {
  std::string text;
  if (found.step >= 0) text += fmt::format(", step {}", found.step);
  if (found.layer >= 0) text += fmt::format(", layer {}", found.layer);
  return text;
}

// No verdict: the limit holds.
std::optional<LaneVerdict> judge_limit(const LimitReport& limit, const LaneReport& lane) {
  if (const auto* broken = not_finite_in(lane, mode_of(limit.metric))) {
    const LimitBreach breach{limit.metric, {std::nullopt, broken->value}, limit.value, broken->place.step, broken->place.layer};
    return failed(breach, fmt::format("{} in {} at step {}: no limit of {} holds", broken->value, name_of(broken->stage),
                                      broken->place.step, limit.metric));
  }
  const LimitFigure found = measure_limit(limit.metric, lane);
  if (!found.figure.value) {
    return LaneVerdict{LaneStatus::inconclusive, fmt::format("{}: {}", limit.metric, found.figure.reason), std::nullopt};
  }
  if (!is_exceeded(limit, *found.figure.value)) return std::nullopt;
  const bool is_minimum = worse_direction(limit.metric) == Worse::smaller;
  return failed({limit.metric, found.figure, limit.value, found.step, found.layer},
                fmt::format("{} is {:.4g}{}, {} the limit of {:.4g}", limit.metric, *found.figure.value, where(found),
                            is_minimum ? "below" : "above", limit.value));
}

// A limit that no candidate measured: its name is known, but it judged nothing.
std::vector<LimitReport> unmatched(const RunReport& report, std::span<const LimitReport> limits) {
  std::vector<LimitReport> result;
  for (const LimitReport& limit : limits) {
    const bool matched = std::ranges::any_of(report.lanes, [&](const LaneReport& lane) {
      return is_measured_candidate(lane) &&
             (measure_limit(limit.metric, lane).figure.value || not_finite_in(lane, mode_of(limit.metric)));
    });
    if (!matched) result.push_back(limit);
  }
  return result;
}

struct Circumstances {
  std::string reference_fault, determinism_fault;
  std::span<const LimitReport> limits;
  std::vector<LimitReport> unmatched;
  bool partial = false;
};

LaneVerdict judge_limits(const LaneReport& lane, const Circumstances& around) {
  std::optional<LaneVerdict> undecided;
  for (const LimitReport& limit : around.limits) {
    auto verdict = judge_limit(limit, lane);
    if (verdict && verdict->status == LaneStatus::failed) return *verdict;
    if (verdict && !undecided) undecided = std::move(verdict);
  }
  if (!around.unmatched.empty()) {
    const LimitReport& limit = around.unmatched.front();
    const LimitFigure found = measure_limit(limit.metric, lane);
    return failed({limit.metric, found.figure, limit.value}, fmt::format("nothing matched the limit {}: {}", limit.metric, found.figure.reason));
  }
  if (undecided) return *undecided;
  if (around.limits.empty()) return {LaneStatus::measured, "", std::nullopt};
  if (around.partial) return {LaneStatus::inconclusive, fmt::format("interrupted after {} steps; the limits hold so far", lane.steps), std::nullopt};
  return {LaneStatus::passed, "", std::nullopt};
}

LaneVerdict judge_lane(const LaneReport& lane, const Circumstances& around) {
  if (!was_measured(lane)) return {lane.status, lane.reason, std::nullopt};
  if (!around.reference_fault.empty()) {
    if (lane.role == LaneRole::reference) return {LaneStatus::error, around.reference_fault, std::nullopt};
    return {LaneStatus::inconclusive, "the reference is not finite: there is nothing to compare with", std::nullopt};
  }
  if (lane.role == LaneRole::reference) return {};
  if (!around.determinism_fault.empty()) return {LaneStatus::invalid, around.determinism_fault, std::nullopt};
  if (lane.role == LaneRole::control) return {};
  if (std::string fault = receipt_fault(lane); !fault.empty()) return {LaneStatus::invalid, fault, std::nullopt};
  return judge_limits(lane, around);
}

ExitCode code_of(const LaneReport& lane, const LaneVerdict& verdict) {
  switch (verdict.status) {
    case LaneStatus::measured:
    case LaneStatus::passed:
    case LaneStatus::skipped: return ExitCode::passed;
    case LaneStatus::failed: return ExitCode::regression;
    case LaneStatus::inconclusive: return ExitCode::inconclusive;
    case LaneStatus::invalid: return ExitCode::invalid;
    case LaneStatus::error: break;
  }
  if (was_measured(lane)) return ExitCode::input;  // the reference is not finite
  return lane.exit_code == 0 ? ExitCode::internal : exit_code_of(lane.exit_code);
}

}  // namespace

Verdict judge(const RunReport& report, std::span<const LimitReport> limits) {
  for (const LimitReport& limit : limits) require_known(limit);
  const Circumstances around{reference_fault(report), determinism_fault(report), limits, unmatched(report, limits), report.partial};
  Verdict verdict;
  std::vector<ExitCode> codes;
  for (const LaneReport& lane : report.lanes) {
    verdict.lanes.push_back(judge_lane(lane, around));
    codes.push_back(code_of(lane, verdict.lanes.back()));
  }
  if (report.partial) codes.push_back(ExitCode::interrupted);
  if (!std::ranges::any_of(report.lanes, is_measured_candidate)) codes.push_back(ExitCode::nothing_to_do);
  verdict.exit_code = most_urgent(codes);
  return verdict;
}

RunReport judged(RunReport report, const std::vector<LimitReport>& limits) {
  const Verdict verdict = judge(report, limits);
  for (size_t i = 0; i < report.lanes.size(); ++i) {
    LaneReport& lane = report.lanes[i];
    if (verdict.lanes[i].status == LaneStatus::error && was_measured(lane)) lane.exit_code = static_cast<int>(ExitCode::input);
    lane.status = verdict.lanes[i].status;
    lane.reason = verdict.lanes[i].reason;
    lane.breach = verdict.lanes[i].breach;
  }
  report.limits = limits;
  report.exit_code = static_cast<int>(verdict.exit_code);
  return report;
}

}  // namespace kvdiff
