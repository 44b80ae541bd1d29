#include "harness/text/chat_format.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "cache_backends/error.h"
#include "cache_backends/nearest.h"
#include "harness/model/files/digest.h"
#include "harness/model/files/text_quote.h"
#include "harness/text/pattern.h"
#include "harness/text/utf8.h"

namespace kvdiff {
namespace {

using Messages = std::span<const ChatMessage>;

std::string chatml_turn(std::string_view role, std::string_view content) {
  return fmt::format("<|im_start|>{}\n{}<|im_end|>\n", role, content);
}

std::string render_chatml(const ChatFormat& format, Messages messages, const TurnTokens&, bool add_generation_prompt) {
  std::string text;
  if (!format.default_system.empty() && messages[0].role != "system")
    text = chatml_turn("system", format.default_system);
  for (const auto& message : messages) text += chatml_turn(message.role, message.content);
  return add_generation_prompt ? text + "<|im_start|>assistant\n" : text;
}

std::string render_llama3(const ChatFormat&, Messages messages, const TurnTokens& tokens, bool add_generation_prompt) {
  const auto header = [](std::string_view role) {
    return fmt::format("<|start_header_id|>{}<|end_header_id|>\n\n", role);
  };
  std::string text = tokens.begin;
  for (const auto& message : messages) {
    text += header(message.role);
    text += strip_python_whitespace(message.content);
    text += "<|eot_id|>";
  }
  return add_generation_prompt ? text + header("assistant") : text;
}

std::string render_zephyr(const ChatFormat&, Messages messages, const TurnTokens& tokens, bool add_generation_prompt) {
  std::string text;
  for (const auto& message : messages) text += fmt::format("<|{}|>\n{}{}\n", message.role, message.content, tokens.end);
  return add_generation_prompt ? text + "<|assistant|>\n" : text;
}

// The turns say by themselves that an answer follows, so there is no generation prompt.
std::string render_mistral(const ChatFormat&, Messages messages, const TurnTokens& tokens, bool) {
  std::string text = tokens.begin;
  for (size_t i = 0; i < messages.size(); ++i) {
    const bool user = messages[i].role == "user";
    if (user != (i % 2 == 0)) {
      throw UserError(ExitCode::input,
                      fmt::format("message {} is of the role \"{}\", but the chat format mistral wants user and "
                                  "assistant in turns, user first. Change the order, or use --token-ids.",
                                  i + 1, messages[i].role));
    }
    text += user ? fmt::format("[INST] {} [/INST]", messages[i].content) : messages[i].content + tokens.end;
  }
  return text;
}

constexpr std::string_view any_role[] = {"system", "user", "assistant", "tool"};
constexpr std::string_view three_roles[] = {"system", "user", "assistant"};
constexpr std::string_view two_roles[] = {"user", "assistant"};

constexpr std::string_view smollm2_system = "You are a helpful AI assistant named SmolLM, trained by Hugging Face";
constexpr std::string_view qwen2_system = "You are a helpful assistant.";
constexpr std::string_view qwen15_system = "You are a helpful assistant";

// The default system prompt with what follows it in a template, so that "assistant." is not taken for "assistant".
constexpr std::string_view smollm2_marks[] = {
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>"};
constexpr std::string_view qwen2_marks[] = {"You are a helpful assistant.<|im_end|>"};
constexpr std::string_view qwen15_marks[] = {"You are a helpful assistant<|im_end|>"};
constexpr std::string_view chatml_marks[] = {"<|im_start|>", "<|im_end|>"};
constexpr std::string_view llama3_marks[] = {"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"};
constexpr std::string_view zephyr_marks[] = {"<|user|>", "<|assistant|>", "eos_token"};
constexpr std::string_view mistral_marks[] = {"[INST]", "[/INST]"};

// Made by tests/harness/text/make_chat_fixtures.py, which holds the templates and renders them with transformers.
constexpr std::string_view smollm2_templates[] = {"98f63cc3d421d28f99ab995e9629dacd"};
constexpr std::string_view qwen2_templates[] = {"e580c2da83415028d5d943bd0bd9082f"};
constexpr std::string_view qwen15_templates[] = {"68c860e7356f7ab320f20c2b5139eaee"};
constexpr std::string_view chatml_templates[] = {"f0a6a8278439fdb056191e205a440263"};
constexpr std::string_view llama3_templates[] = {"09facc0e4aa943189799ad6e2dea0594"};
constexpr std::string_view zephyr_templates[] = {"5ae4edc1a6c08aa61db34e9fc60441d8"};
constexpr std::string_view mistral_templates[] = {"f395fc5daa794129a5d004210ebce758"};

constexpr ChatFormat formats[] = {
    {"smollm2", "SmolLM2-Instruct", render_chatml, smollm2_system, any_role, smollm2_marks, smollm2_templates},
    {"qwen2", "Qwen2-Instruct", render_chatml, qwen2_system, any_role, qwen2_marks, qwen2_templates},
    {"qwen1.5", "Qwen1.5-Chat", render_chatml, qwen15_system, any_role, qwen15_marks, qwen15_templates},
    {"chatml", "many; no default system prompt", render_chatml, "", any_role, chatml_marks, chatml_templates},
    {"llama3", "Llama-3-Instruct", render_llama3, "", any_role, llama3_marks, llama3_templates},
    {"zephyr", "Zephyr, TinyLlama-Chat", render_zephyr, "", three_roles, zephyr_marks, zephyr_templates},
    {"mistral", "Mistral-7B-Instruct v0.1, v0.2", render_mistral, "", two_roles, mistral_marks, mistral_templates},
};

void check_roles(const ChatFormat& format, Messages messages) {
  for (size_t i = 0; i < messages.size(); ++i) {
    if (std::find(format.roles.begin(), format.roles.end(), messages[i].role) != format.roles.end()) continue;
    throw UserError(ExitCode::input,
                    fmt::format("message {} has the role {}, which the chat format {} does not know. Expected: {}.",
                                i + 1, quote_name(messages[i].role), format.name, fmt::join(format.roles, ", ")));
  }
}

// Inside Jinja's quotes a line break may stand as itself or as \n: published templates have both.
std::string template_digest(std::string_view template_text) {
  const std::string_view stripped = strip_python_whitespace(template_text);
  return digest_text(replace_matches(stripped, find_literal("\\n")(stripped), "\n"));
}

}  // namespace

std::span<const ChatFormat> chat_formats() { return formats; }

const ChatFormat& find_chat_format(std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& format : formats) {
    if (format.name == name) return format;
    names.push_back(format.name);
  }
  throw UserError(ExitCode::usage, fmt::format("there is no chat format {}; did you mean {}? Expected one of: {}.",
                                               quote_name(name), nearest_match(name, names), joined(names)));
}

std::string render_chat(const ChatFormat& format, Messages messages, const TurnTokens& tokens,
                        bool add_generation_prompt) {
  if (messages.empty()) throw UserError(ExitCode::input, "the conversation holds no message. Expected at least one.");
  check_roles(format, messages);
  return format.render(format, messages, tokens, add_generation_prompt);
}

std::optional<RecognisedTemplate> recognise_chat_template(std::string_view template_text) {
  const std::string digest = template_digest(template_text);
  for (const auto& format : formats) {
    for (const auto known : format.known_templates) {
      if (known == digest) return RecognisedTemplate{&format, true};
    }
  }
  for (const auto& format : formats) {
    const bool all = std::all_of(format.marks.begin(), format.marks.end(), [&](std::string_view mark) {
      return template_text.find(mark) != std::string_view::npos;
    });
    if (all) return RecognisedTemplate{&format, false};
  }
  return std::nullopt;
}

}  // namespace kvdiff
