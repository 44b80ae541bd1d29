#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/text/text_model.h"

namespace kvdiff {

// What the user gave. Exactly one of text, file, chat, messages_file and token_ids is set.
struct PromptRequest {
  std::optional<std::string> text;           // --prompt
  std::optional<std::string> file;           // --prompt-file; "-" is standard input
  std::optional<std::string> chat;           // --chat: one message of the user's
  std::optional<std::string> system;         // --system: replaces the format's default; only with chat
  std::optional<std::string> messages_file;  // --messages: JSON array of {"role", "content"}; "-" is standard input
  std::optional<std::string> token_ids;      // --token-ids: "1,2,3" or "@FILE"; "@-" is standard input
  std::optional<std::string> chat_format;    // a name of chat_formats(); absent: what the model's template is
};

struct Prompt {
  std::string text;  // what was encoded; for token ids, what they decode to
  std::vector<int32_t> token_ids;
  std::string format;  // "plain", "token-ids" or the name of a chat format
  std::vector<std::string> warnings;
};

// Plain text gets the special tokens that the tokenizer puts around a text (a beginning-of-sequence token, say); a
// conversation gets those that its format writes, as in transformers. `vocabulary_size`: the model's; ids are below it.
// Throws UserError: usage for no source or several, or options that do not go together; io for files that cannot be
// read; input for an empty prompt, text that is not UTF-8 (with the byte offset), ids out of range, malformed messages.
Prompt load_prompt(const PromptRequest& request, const TextModel& model, int64_t vocabulary_size);

// The ids of `--continue-file`: a text that a run follows, encoded as the continuation of a prompt (no special tokens).
std::vector<int32_t> load_continuation(const std::string& file, const TextModel& model);

}  // namespace kvdiff
