#pragma once
#include <optional>
#include <string>
#include <vector>

#include "harness/model/files/folder.h"
#include "harness/text/chat_format.h"
#include "harness/text/tokenizer.h"

namespace kvdiff {

// The text side of a model folder.
struct TextModel {
  Tokenizer tokenizer;
  TurnTokens turn_tokens;
  std::optional<std::string> chat_template;      // Jinja text, never executed
  std::optional<RecognisedTemplate> recognised;  // what that template is
  std::string digest;                            // of the files that decide about ids
};

// Reads tokenizer.json, tokenizer_config.json and chat_template.jinja (which comes before the one in the config, as in
// transformers). Throws UserError(ExitCode::input).
TextModel load_text_model(const ModelFolder& folder);

}  // namespace kvdiff
