#include "scenarios/case.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "cache_backends/error.h"
#include "cache_backends/nearest.h"

namespace kvdiff {

void check(const PromptSource& prompt) {
  for (const auto* text : {&prompt.text, &prompt.chat, &prompt.system}) {
    if (*text && (*text)->find('\0') != std::string::npos) {
      throw UserError(ExitCode::usage, "found a NUL byte, expected text that a command line can carry");
    }
  }
  const std::pair<bool, std::string_view> sources[] = {{prompt.text.has_value(), "prompt"},
                                                       {prompt.text_file.has_value(), "prompt-file"},
                                                       {prompt.chat.has_value(), "chat"},
                                                       {prompt.messages.has_value(), "messages"},
                                                       {prompt.token_ids.has_value(), "token-ids"}};
  std::vector<std::string_view> given;
  for (const auto& [present, name] : sources) {
    if (present) given.push_back(name);
  }
  if (given.empty()) {
    throw UserError(ExitCode::usage, "no prompt: expected one of prompt, prompt-file, chat, messages, token-ids");
  }
  if (given.size() > 1) {
    throw UserError(ExitCode::usage, fmt::format("found {} together, expected one of them only", joined(given)));
  }
  if (prompt.system && !prompt.chat) {
    throw UserError(ExitCode::usage, "found system without chat: only a chat has a system prompt (in a messages file it is "
                                     "the first message)");
  }
}

}  // namespace kvdiff
