#include "harness/diagnose/further_prompts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cache_backends/error.h"
#include "harness/diagnose/questions.h"
#include "harness/diagnose/walk.h"
#include "harness/run/prepare.h"

namespace kvdiff {
namespace {

constexpr int64_t trials_each = 2;
// 95 % quantiles of Student's t for 1, 2, ... degrees of freedom; more than 30 are given that of 30, which is wider.
constexpr double quantiles[] = {6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812, 1.796, 1.782, 1.771, 1.761, 1.753,
                                1.746, 1.740, 1.734, 1.729, 1.725, 1.721, 1.717, 1.714, 1.711, 1.708, 1.706, 1.703, 1.701, 1.699, 1.697};

void check_room(const Case& run, Loaded& loaded, const Prompt& prompt) {
  Case two = run;
  two.caches.assign(trials_each, run.caches.front());
  std::vector<int32_t> ids = prompt.token_ids;
  std::swap(loaded.ready.prompt.token_ids, ids);
  const RunEstimate estimate = estimate_case(two, loaded.ready);
  std::swap(loaded.ready.prompt.token_ids, ids);
  check_memory(estimate);
}

void judge(const TrialAnswer& whole, const TrialAnswer& exempt, const Walk& walk, PromptRecovery& found) {
  const TrialWindow& window = walk.trials.window();
  found.steps = static_cast<int64_t>(whole.kld_by_step.size());
  found.parts_at = whole.parts_at;
  found.exempt_parts_at = exempt.parts_at;
  if (found.steps == 0) {
    found.reason = fmt::format("the reference's text ends there before step {}", window.first);
    return;
  }
  found.kld = whole.kld;
  const ArithmeticFinding& arithmetic = walk.result.arithmetic;
  if (!(whole.kld > 0)) found.reason = "not one bit of the logits differs there";
  else if (arithmetic.measured && whole.not_finite == 0 && whole.largest <= arithmetic.floor)
    found.reason = "the cache does no more there than rounding does on the first prompt";
  else found.recovery = 1 - exempt.kld / whole.kld;
}

// A text of its own: other trials, the same budget.
bool ask(Walk& walk, const FurtherPrompt& one, LockstepInput input, Engine& engine, const RunHooks& hooks) {
  input.prompt = one.prompt.token_ids;
  Trials trials(engine, {std::move(input), walk.trials.window(), trials_each}, hooks);
  Trial whole{walk.subject.spec, {}}, exempt = exempt_trial(walk.subject, walk.accused());
  whole.read_text = exempt.read_text = true;
  const auto answers = trials.ask({whole, exempt});
  walk.trials.join(trials);
  if (!answers[0] || !answers[1]) return false;
  PromptRecovery found;
  found.prompt = {one.source, one.prompt.format, one.prompt.text, one.prompt.token_ids};
  judge(*answers[0], *answers[1], walk, found);
  walk.result.further_prompts.prompts.push_back(std::move(found));
  return true;
}

}  // namespace

std::vector<FurtherPrompt> read_further_prompts(const std::vector<PromptSource>& sources, const Case& run, Loaded& loaded) {
  std::vector<FurtherPrompt> further;
  for (size_t i = 0; i < sources.size(); ++i) {
    try {
      Prompt prompt = load_prompt(prompt_request(sources[i]), loaded.ready.text, loaded.ready.files.config.vocabulary_size);
      check_room(run, loaded, prompt);
      further.push_back({sources[i].chat ? "chat" : "text", std::move(prompt)});
    } catch (const UserError& error) {
      throw UserError(error.code(), fmt::format("further prompt {}: {}", i + 1, error.what()));
    }
  }
  return further;
}

double mean_of(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

std::optional<MeanInterval> t_interval(std::span<const double> values) {
  const size_t count = values.size();
  if (count < 2) return std::nullopt;
  const double mean = mean_of(values);
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double error = std::sqrt(squares / static_cast<double>(count - 1) / static_cast<double>(count));
  const double half = quantiles[std::min(count - 1, std::size(quantiles)) - 1] * error;
  return MeanInterval{mean - half, std::min(1.0, mean + half)};  // nothing recovers more than all of it
}

std::vector<double> FurtherPromptsFinding::recoveries() const {
  std::vector<double> values;
  for (const PromptRecovery& one : prompts)
    if (one.recovery) values.push_back(*one.recovery);
  return values;
}

int64_t FurtherPromptsFinding::held() const {
  const std::vector<double> values = recoveries();
  return std::count_if(values.begin(), values.end(), [&](double one) { return one >= target; });
}

void find_on_further_prompts(Walk& walk, const std::vector<FurtherPrompt>& further, Loaded& loaded, const Case& run, const RunHooks& hooks) {
  if (further.empty()) return;
  FurtherPromptsFinding& found = walk.result.further_prompts;
  found.target = SetRule{}.target;
  if (walk.accused().empty()) {
    found.reason = "on the first prompt no set of layer sides was named that could be tried on others";
    return;
  }
  for (size_t i = 0; i < further.size(); ++i) {
    if (walk.trials.left() >= trials_each && ask(walk, further[i], lockstep_input(run, loaded.ready, nullptr), *loaded.engine, hooks)) continue;
    walk.result.left_to_try.push_back(fmt::format("the named set on {} of the {} further prompts", further.size() - i, further.size()));
    if (found.prompts.empty()) found.reason = "the budget was spent";
    return;
  }
}

std::string verdict_of(const FurtherPromptsFinding& found) {
  const std::vector<double> values = found.recoveries();
  if (found.prompts.empty()) return "";
  const std::string_view word = found.prompts.size() == 1 ? "prompt" : "prompts";
  if (values.empty()) return fmt::format("On {} further {} there was nothing to recover", found.prompts.size(), word);
  const size_t idle = found.prompts.size() - values.size();
  return fmt::format("The same set recovers at least {} on {} of {} further {}{}", percent_of(found.target), found.held(), values.size(),
                     values.size() == 1 ? "prompt" : "prompts", idle > 0 ? fmt::format(" ({} more had nothing to recover)", idle) : "");
}

}  // namespace kvdiff
