#include "harness/commands/case_list.h"

#include <fmt/format.h>

#include <optional>

#include "cache_backends/error.h"
#include "harness/commands/machine.h"
#include "harness/run/prepare.h"
#include "scenarios/command_line.h"

namespace kvdiff {
namespace {

std::string seconds_text(double seconds) {
  if (seconds < 90) return fmt::format("{:.0f} s", seconds);
  if (seconds < 5400) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

// Model and prompt are read once for all lanes of a case. Where they cannot be read, `reason` says why.
struct Estimator {
  std::optional<Prepared> ready;
  std::string reason;
};

Estimator estimator_for(const Case& run, const RunPlace& place) {
  Estimator estimator;
  try {
    estimator.ready = prepare(run, place);
  } catch (const UserError& error) {
    estimator.reason = error.what();
  }
  return estimator;
}

std::string estimate_text(const Case& run, const Estimator& estimator) {
  if (!estimator.ready) return fmt::format("memory and time not known: {}", estimator.reason);
  const RunEstimate needed = estimate_case(run, *estimator.ready);
  return fmt::format("{} lanes, {} prompt tokens, {}, about {}", needed.lanes, needed.prompt_tokens,
                     bytes_text(needed.bytes), seconds_text(needed.seconds));
}

std::string heading(const Plan& plan) {
  size_t candidates = 0;
  for (const Case& run : plan.cases) candidates += run.caches.size();
  std::string text = plan.name.empty() ? "" : fmt::format("{}: {}\n", plan.name, plan.summary);
  return text + fmt::format("{} prompt{}, {} candidate{}; memory available: {}\n", plan.cases.size(),
                            plan.cases.size() == 1 ? "" : "s", candidates, candidates == 1 ? "" : "s",
                            bytes_text(available_memory()));
}

std::string case_text(const Case& run, const RunPlace& place) {
  const Estimator estimator = estimator_for(run, place);
  std::string text = fmt::format("\nAll lanes together: {}\n  {}\n", estimate_text(run, estimator), command_line(run));
  for (size_t i = 0; i < run.caches.size(); ++i) {
    const Case lane = lane_case(run, i);
    text += fmt::format("{} alone: {}\n  {}\n", run.caches[i].text, estimate_text(lane, estimator), command_line(lane));
  }
  return text;
}

}  // namespace

std::string list_cases(const Plan& plan, const RunPlace& place) {
  std::string text = heading(plan);
  for (const Case& run : plan.cases) text += case_text(run, place);
  if (plan.merged > 0) text += fmt::format("\n{} more mean the same as one of these and were merged.\n", plan.merged);
  for (const LeftOut& one : plan.left_out) text += fmt::format("\nleft out: {}: {}\n", one.what, one.reason);
  return text;
}

}  // namespace kvdiff
