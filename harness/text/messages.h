#pragma once
#include <string_view>
#include <vector>

#include "harness/text/chat_format.h"

namespace kvdiff {

// A JSON array of {"role": ..., "content": ...}. `origin` names the file in messages.
// Throws UserError(ExitCode::input): no such array, empty, a field missing, not a text, or not known.
std::vector<ChatMessage> parse_messages(std::string_view json, std::string_view origin);

}  // namespace kvdiff
