#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cache_backends/cache_spec.h"
#include "cache_backends/dtype.h"

namespace kvdiff {

// Where the prompt's ids come from: exactly one of text, text_file, chat, messages and token_ids. Files are paths, "-"
// (standard input) or "shipped:NAME" (scenarios/texts.h).
struct PromptSource {
  std::string name;                      // a scenario's word for it; only file names of reports use it
  std::optional<std::string> text;       // plain text, no format around it
  std::optional<std::string> text_file;
  std::optional<std::string> chat;       // one user message, rendered through the model's chat format
  std::optional<std::string> system;     // with chat only: replaces the format's own system prompt
  std::optional<std::string> messages;   // file: a JSON list of {"role", "content"}
  std::optional<std::string> token_ids;  // "1,2,3" or "@FILE"
};

// Throws UserError(usage) unless exactly one source is given, and system only with chat.
void check(const PromptSource& prompt);

// Decided: one prompt, one model, many lanes. What one run of the engine takes, and what one command line says.
struct Case {
  std::string model = "smollm2";    // a folder, or an alias (kvdiff list models)
  std::optional<Dtype> dtype;       // none: the checkpoint's
  std::string attention = "sdpa";   // sdpa, eager
  PromptSource prompt;
  std::string continue_file;        // text that local and forced follow; empty: the reference's own tokens
  std::vector<CacheSpec> caches;    // the candidates, in order, no two the same
  std::vector<std::string> modes = {"local", "forced", "free"};  // in this order
  int64_t tokens = 256;
  bool ignore_eos = false;
  double temperature = 0;           // 0: greedy
  int64_t top_k = 0;                // 0: all
  double top_p = 1;
  uint64_t seed = 0;
  bool floor = false;               // measure the arithmetic floor
  std::map<std::string, double> limits;  // by metric
};

}  // namespace kvdiff
