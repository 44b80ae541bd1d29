#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/run_report.h"
#include "harness/text/prompt.h"

namespace kvdiff {

struct Case;
struct Loaded;
struct PromptSource;
struct RunHooks;
struct Walk;

// A further prompt, read before anything runs: does what was found on the first one hold there?
struct FurtherPrompt {
  std::string source;  // text, chat
  Prompt prompt;
};

// Throws what load_prompt throws, with the prompt's place in the list in front, and UserError(environment) for one too long
// for this machine's memory.
std::vector<FurtherPrompt> read_further_prompts(const std::vector<PromptSource>& sources, const Case& run, Loaded& loaded);

// The named set on one of them: the same cache over the same steps of that prompt's own text, as it is and with the set exempt.
struct PromptRecovery {
  PromptReport prompt;
  int64_t steps = 0;                      // of the window that the reference's text has there
  std::optional<double> kld;              // the candidate's, mean over them, nats; none: not asked
  std::optional<double> recovery;         // none: `reason`
  std::optional<int64_t> parts_at;        // the candidate's text; none: keeps the reference's through the window
  std::optional<int64_t> exempt_parts_at; // the same with the set exempt
  std::string reason;
};

// 90 % of the mean of a few recoveries: mean +- t(n - 1) * deviation / sqrt(n), values taken to be about normal, and at most 1.
// None below two.
struct MeanInterval {
  double low = 0, high = 0;
};
double mean_of(std::span<const double> values);
std::optional<MeanInterval> t_interval(std::span<const double> values);

struct FurtherPromptsFinding {
  std::vector<PromptRecovery> prompts;  // in the order given; empty: there is no further prompt, or `reason`
  std::string reason;                   // why none of those given was tried
  double target = 0.8;
  bool given() const { return !prompts.empty() || !reason.empty(); }
  std::vector<double> recoveries() const;  // of those where there was something to recover
  int64_t held() const;                    // of these: at least the target
};

// Two trials a prompt, out of the same budget.
void find_on_further_prompts(Walk& walk, const std::vector<FurtherPrompt>& further, Loaded& loaded, const Case& run, const RunHooks& hooks);

// "On 3 of 4 further prompts the same set recovers at least 80 %." ""; where none was given.
std::string verdict_of(const FurtherPromptsFinding& found);

}  // namespace kvdiff
