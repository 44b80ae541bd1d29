#include "harness/text/prompt.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cache_backends/error.h"
#include "harness/text/input_text.h"
#include "harness/text/messages.h"
#include "harness/text/token_id_list.h"
#include "harness/text/utf8.h"

namespace kvdiff {
namespace {

void check_sources(const PromptRequest& request) {
  std::vector<std::string_view> given;
  if (request.text) given.push_back("--prompt");
  if (request.file) given.push_back("--prompt-file");
  if (request.chat) given.push_back("--chat");
  if (request.messages_file) given.push_back("--messages");
  if (request.token_ids) given.push_back("--token-ids");
  if (given.size() != 1) {
    throw UserError(ExitCode::usage,
                    fmt::format("{}. Give exactly one of --prompt, --prompt-file, --chat, --messages and --token-ids.",
                                given.empty() ? "there is no prompt"
                                              : fmt::format("several prompts were given: {}", fmt::join(given, ", "))));
  }
  if (request.system && !request.chat) {
    throw UserError(ExitCode::usage,
                    fmt::format("--system goes with --chat, not with {}. In a --messages file, the system prompt is "
                                "a first message with the role \"system\".",
                                given[0]));
  }
  if (request.chat_format && !request.chat && !request.messages_file) {
    throw UserError(ExitCode::usage,
                    fmt::format("a chat format goes with --chat or --messages, not with {}.", given[0]));
  }
}

void require_content(bool empty, std::string_view source) {
  if (!empty) return;
  throw UserError(ExitCode::input, fmt::format("the prompt ({}) is empty. Expected at least one token.", source));
}

std::string source_name(const std::string& file) { return file == "-" ? "standard input" : file; }

void warn_about_plain_text(const TextModel& model, Prompt& prompt) {
  if (!model.chat_template) return;
  const std::string name = model.recognised ? fmt::format(" ({})", model.recognised->format->name) : "";
  prompt.warnings.push_back(
      fmt::format("the model has a chat template{}, but the prompt is plain text: the model was trained to answer "
                  "in turns, and may ramble without them. --chat writes the turn.",
                  name));
}

Prompt plain_prompt(const PromptRequest& request, const TextModel& model) {
  const std::string source = request.text ? "--prompt" : source_name(*request.file);
  Prompt prompt;
  prompt.format = "plain";
  prompt.text = request.text ? *request.text : read_input_text(*request.file, "prompt");
  require_content(prompt.text.empty(), source);
  require_utf8(prompt.text, fmt::format("the prompt ({})", source));
  prompt.token_ids = model.tokenizer.encode(prompt.text, true);
  warn_about_plain_text(model, prompt);
  if (request.file && prompt.text.ends_with('\n')) {
    prompt.warnings.push_back("the prompt file ends with a line break, which is a part of the prompt.");
  }
  return prompt;
}

const ChatFormat& choose_format(const PromptRequest& request, const TextModel& model, Prompt& prompt) {
  const auto& recognised = model.recognised;
  const ChatFormat& format = request.chat_format ? find_chat_format(*request.chat_format)
                             : recognised        ? *recognised->format
                                                 : find_chat_format("chatml");
  if (!model.chat_template) {
    prompt.warnings.push_back(
        fmt::format("the model has no chat template; the conversation is written as {}.", format.name));
  } else if (!recognised) {
    prompt.warnings.push_back(
        fmt::format("the model's chat template is not known (and never executed); the conversation is written as "
                    "{}, which may not be what the model was trained on. --token-ids takes what another "
                    "program rendered.",
                    format.name));
  } else if (&format != recognised->format) {
    prompt.warnings.push_back(fmt::format("the conversation is written as {}, but the model's own chat template is {}.",
                                          format.name, recognised->format->name));
  } else if (!recognised->exact) {
    prompt.warnings.push_back(
        fmt::format("the model's chat template looks like {}, but is not known word for word (and never "
                    "executed): details such as a default system prompt may differ.",
                    format.name));
  }
  return format;
}

std::vector<ChatMessage> conversation(const PromptRequest& request) {
  if (request.messages_file) {
    return parse_messages(read_input_text(*request.messages_file, "messages"), source_name(*request.messages_file));
  }
  require_content(request.chat->empty(), "--chat");
  require_utf8(*request.chat, "the prompt (--chat)");
  std::vector<ChatMessage> messages;
  if (request.system) {
    require_utf8(*request.system, "the system prompt (--system)");
    messages.push_back({"system", *request.system});
  }
  messages.push_back({"user", *request.chat});
  return messages;
}

Prompt chat_prompt(const PromptRequest& request, const TextModel& model) {
  Prompt prompt;
  const std::vector<ChatMessage> messages = conversation(request);
  const ChatFormat& format = choose_format(request, model, prompt);
  prompt.format = format.name;
  prompt.text = render_chat(format, messages, model.turn_tokens, true);
  prompt.token_ids = model.tokenizer.encode(prompt.text, false);
  return prompt;
}

Prompt token_id_prompt(const PromptRequest& request, const TextModel& model, int64_t vocabulary_size) {
  const bool from_file = request.token_ids->starts_with('@');
  const std::string list = from_file ? read_input_text(request.token_ids->substr(1), "token ids") : *request.token_ids;
  Prompt prompt;
  prompt.format = "token-ids";
  prompt.token_ids = parse_token_ids(list, vocabulary_size);
  prompt.text = model.tokenizer.decode(prompt.token_ids, false);
  return prompt;
}

}  // namespace

Prompt load_prompt(const PromptRequest& request, const TextModel& model, int64_t vocabulary_size) {
  check_sources(request);
  Prompt prompt = request.token_ids                       ? token_id_prompt(request, model, vocabulary_size)
                  : request.chat || request.messages_file ? chat_prompt(request, model)
                                                          : plain_prompt(request, model);
  require_content(prompt.token_ids.empty(), prompt.format);
  for (const int32_t id : prompt.token_ids) {
    if (id < vocabulary_size) continue;
    throw UserError(ExitCode::input,
                    fmt::format("the tokenizer gave the id {} ({}), but the model knows only {} tokens: tokenizer.json "
                                "and model do not belong together.",
                                id, model.tokenizer.token_text(id), vocabulary_size));
  }
  return prompt;
}

std::vector<int32_t> load_continuation(const std::string& file, const TextModel& model) {
  const std::string text = read_input_text(file, "continuation");
  require_utf8(text, fmt::format("the continuation ({})", source_name(file)));
  auto ids = model.tokenizer.encode(text, false);
  if (ids.empty()) {
    throw UserError(ExitCode::input,
                    fmt::format("the continuation ({}) is empty. Expected at least one token.", source_name(file)));
  }
  return ids;
}

}  // namespace kvdiff
