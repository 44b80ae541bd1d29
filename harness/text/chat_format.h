#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvdiff {

struct ChatMessage {
  std::string role;  // system, user, assistant, tool
  std::string content;
};

// How the model's tokenizer_config.json spells them; some formats put them into the text.
struct TurnTokens {
  std::string begin;  // bos_token
  std::string end;    // eos_token
};

// A built-in way to write a conversation down. A template found in a model folder is never executed, only recognised.
struct ChatFormat {
  std::string_view name;
  std::string_view used_by;
  std::string (*render)(const ChatFormat&, std::span<const ChatMessage>, const TurnTokens&, bool add_generation_prompt);
  std::string_view default_system;          // put in front where the first message is no system message; "" is none
  std::span<const std::string_view> roles;  // that the format knows
  std::span<const std::string_view> marks;  // texts that stand in every template of the format
  std::span<const std::string_view> known_templates;  // digest_text of templates that render exactly so
};

// One row each; the more particular one stands before the more general one.
std::span<const ChatFormat> chat_formats();

// Throws UserError(ExitCode::usage) that lists the names and the nearest one.
const ChatFormat& find_chat_format(std::string_view name);

// The text whose ids are those of transformers' apply_chat_template, encoded without adding special tokens.
// Throws UserError(ExitCode::input) for roles that the format does not know, or not in this order.
std::string render_chat(const ChatFormat& format, std::span<const ChatMessage> messages, const TurnTokens& tokens,
                        bool add_generation_prompt);

struct RecognisedTemplate {
  const ChatFormat* format = nullptr;
  bool exact = false;  // known byte for byte; else only its marks were found, and it may render otherwise
};

// What a folder's chat template (Jinja text) is; nothing where no row's marks are in it.
std::optional<RecognisedTemplate> recognise_chat_template(std::string_view template_text);

}  // namespace kvdiff
