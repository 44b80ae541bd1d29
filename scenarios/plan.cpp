#include "scenarios/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cache_backends/error.h"
#include "scenarios/command_line.h"
#include "scenarios/matrix.h"

namespace kvdiff {
namespace {

void add_candidate(Plan& plan, std::vector<CacheSpec>& caches, const std::string& text) {
  CacheSpec spec = parse_cache_spec(text);
  const std::string meaning = canonical(spec);
  const bool known = std::any_of(caches.begin(), caches.end(), [&](const CacheSpec& one) { return canonical(one) == meaning; });
  if (known) {
    ++plan.merged;
  } else {
    caches.push_back(std::move(spec));
  }
}

std::vector<CacheSpec> decide_caches(const Scenario& scenario, Plan& plan) {
  std::vector<CacheSpec> caches;
  for (const CacheEntry& entry : scenario.caches) {
    if (const auto* text = std::get_if<std::string>(&entry)) {
      add_candidate(plan, caches, *text);
      continue;
    }
    for (const Combination& one : combinations(std::get<Matrix>(entry))) {
      if (one.reason.empty()) {
        add_candidate(plan, caches, one.text);
      } else {
        plan.left_out.push_back({one.text, one.reason});
      }
    }
  }
  return caches;
}

void require_candidates(const std::vector<CacheSpec>& caches, const Plan& plan) {
  if (!caches.empty()) return;
  if (plan.left_out.empty()) {
    throw UserError(ExitCode::nothing_to_do, "nothing to compare: no candidate; give one with --cache, like --cache hqq:bits=4");
  }
  throw UserError(ExitCode::nothing_to_do,
                  fmt::format("nothing matched: no codec offers any of the {} combinations; the first, {}: {}",
                              plan.left_out.size(), plan.left_out[0].what, plan.left_out[0].reason));
}

void require_sampling(const Case& run) {
  if (run.temperature > 0 || (run.top_k == 0 && run.top_p == 1)) return;
  throw UserError(ExitCode::usage, "found top-k or top-p without temperature: greedy decoding has no use for them; "
                                   "give a temperature above 0, or leave them out");
}

}  // namespace

Plan make_plan(const Scenario& scenario) {
  Plan plan;
  plan.name = scenario.name;
  plan.summary = scenario.summary;
  Case common = scenario.common;
  common.caches = decide_caches(scenario, plan);
  if (scenario.prompts.empty()) check(PromptSource{});
  require_candidates(common.caches, plan);
  require_sampling(common);
  std::set<std::string> seen;
  for (const PromptSource& prompt : scenario.prompts) {
    check(prompt);
    Case run = common;
    run.prompt = prompt;
    if (seen.insert(command_line(run)).second) {
      plan.cases.push_back(std::move(run));
    } else {
      ++plan.merged;
    }
  }
  return plan;
}

Case lane_case(const Case& run, size_t candidate) {
  Case one = run;
  one.caches = {run.caches.at(candidate)};
  return one;
}

}  // namespace kvdiff
