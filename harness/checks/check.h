#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/checks/checked_folder.h"
#include "harness/text/prompt.h"

namespace kvdiff {

// undecided: what was found may be a fault, and may be none; it accuses nobody.
enum class Outcome { passed, failed, undecided, not_applicable };
std::string_view name_of(Outcome outcome);

// What a check found. It accuses nobody: a failed check of a model whose text is sound is a warning.
struct CheckResult {
  Outcome outcome = Outcome::not_applicable;
  std::string found, expected, advice;  // expected, advice: empty unless it failed
};

struct CheckFinding {
  std::string id;  // group.name
  CheckResult result;
  bool failed() const { return result.outcome == Outcome::failed; }
};

// What is asked of the model: the prompt, and how many tokens are to follow it.
struct AskedPrompt {
  const Prompt& prompt;
  int64_t tokens = 0;
};

// What the reference did, in full precision, without any cache to blame.
struct ThetaProbe {
  double theta = 0;
  std::vector<double> losses;  // nats, as ReferenceFacts::losses, with this RoPE base
};

struct ReferenceFacts {
  std::string gibberish;       // kind in its free text; empty: none was found
  int64_t gibberish_onset = -1;
  Dtype dtype = Dtype::float16;
  // On a text that the program carries (natural_text), no chat format, no beginning-of-sequence token unless the tokenizer adds it.
  int64_t characters = 0;           // of the tokens that `losses` speaks of
  std::vector<double> losses;       // -ln p(token | those before it), nats; not finite where the logits are not
  std::vector<double> entropies;    // beside `losses`: what the model itself expects to pay for the token, nats
  std::vector<double> shuffled;     // losses of the same tokens in a drawn order
  std::vector<double> own;          // losses of the model's own greedy text; empty: not asked
  std::vector<double> largest;      // by layer: max |hidden state| over the text; not finite where one is not
  std::vector<ThetaProbe> thetas;   // other RoPE bases, where they were tried
  std::vector<double> oracle;       // by token: max |logit - float64 logit|; empty: not measured
  std::vector<double> deviation;    // by token of `oracle`: standard deviation of its logits over the vocabulary
};

struct CheckInput {
  const CheckedFolder& model;
  std::optional<AskedPrompt> asked;
  const ReferenceFacts* reference = nullptr;
};

// What a check cannot do without; where it is missing the check is not applicable.
enum CheckNeeds : unsigned {
  needs_config = 1,
  needs_weights = 2,
  needs_tokenizer = 4,
  needs_prompt = 8,
  needs_reference = 16
};

struct CheckRow {
  std::string_view id;
  std::string_view sees;    // what failing means
  std::string_view misses;  // what it cannot see, though one might think so
  unsigned needs;
  CheckResult (*ask)(const CheckInput&);
};

CheckResult passed(std::string found);
CheckResult failed(std::string found, std::string expected, std::string advice);
CheckResult undecided(std::string found);
CheckResult not_applicable(std::string why);

}  // namespace kvdiff
