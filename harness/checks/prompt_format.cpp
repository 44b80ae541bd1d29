#include <fmt/format.h>

#include <algorithm>

#include "harness/checks/groups.h"
#include "harness/checks/markup.h"
#include "harness/text/chat_format.h"

// How the question was written down, against how the model was taught to read one.
namespace kvdiff {
namespace {

const Prompt& prompt_of(const CheckInput& input) { return input.asked->prompt; }

bool written_by_hand(const Prompt& prompt) { return prompt.format == "plain" || prompt.format == "token-ids"; }

const Markup* taught(const CheckInput& input) {
  const auto& recognised = input.model.text->recognised;
  return recognised ? markup_of(*recognised->format) : nullptr;
}

CheckResult begin(const CheckInput& input) {
  const TextModel& text = *input.model.text;
  const std::vector<int32_t>& ids = prompt_of(input).token_ids;
  const auto bos = text.tokenizer.id(text.turn_tokens.begin);
  if (!bos) return passed("tokenizer_config.json names no beginning-of-sequence token");
  const bool first = !ids.empty() && ids[0] == *bos;
  if (first && ids.size() > 1 && ids[1] == *bos)
    return failed(fmt::format("{} twice at the beginning of the prompt", text.turn_tokens.begin), "once",
                  "leave one out: the template writes it, so encode without adding special tokens");
  const std::vector<int32_t> around = text.tokenizer.encode("a", true);
  const bool added = !around.empty() && around[0] == *bos;
  if (added && !first)
    return failed(fmt::format("a prompt that does not begin with {}", text.turn_tokens.begin), "the token that the tokenizer puts in front of every text",
                  "put it in front of the token ids");
  return passed(first ? "the prompt begins with it once" : "none is asked for");
}

CheckResult markup(const CheckInput& input) {
  const Prompt& prompt = prompt_of(input);
  const Markup *own = taught(input), *used = markup_in(prompt.text);
  if (!used) return passed("the prompt has no marks of turns");
  if (!own) return not_applicable("the model's chat format is not known");
  if (used == own) return passed(fmt::format("turns are marked as {}, like the model's chat template", used->name));
  return failed(fmt::format("turns marked as {}", used->name), fmt::format("{}, as the model's chat template has it", own->name),
                "use --chat or --messages, which write what the model was taught");
}

CheckResult chat_of_a_base_model(const CheckInput& input) {
  const TextModel& text = *input.model.text;
  if (!text.chat_template)
    return failed(fmt::format("a conversation written as {} for a model without a chat template", prompt_of(input).format),
                  "plain text, or a model that was taught turns",
                  "use --prompt, or the chat-tuned checkpoint of this model");
  if (!text.recognised)
    return failed(fmt::format("a chat template that is not known, written as {}", prompt_of(input).format), "one of those that kvdiff knows",
                  "render the conversation with another program and give it with --token-ids");
  return passed(fmt::format("a conversation written as {}", prompt_of(input).format));
}

// Raw text is a fair question to a chat model until it goes wrong.
CheckResult turns(const CheckInput& input) {
  const Prompt& prompt = prompt_of(input);
  if (!written_by_hand(prompt)) return chat_of_a_base_model(input);
  if (!input.model.text->chat_template) return passed("plain text for a model without a chat template");
  if (markup_in(prompt.text)) return passed("text that marks its turns by itself");
  if (!input.reference || input.reference->gibberish.empty()) return passed("raw text for a chat model, which goes on with it soundly");
  return failed(fmt::format("raw text for a chat model, and {} from token {} on", input.reference->gibberish, input.reference->gibberish_onset),
                "a conversation", "use --chat, which writes the turn as the model was taught");
}

// A text whose turns were written by hand must end inside the assistant's.
CheckResult answer(const CheckInput& input) {
  const Prompt& prompt = prompt_of(input);
  const Markup* own = taught(input);
  if (!written_by_hand(prompt) || !own || markup_in(prompt.text) != own) return not_applicable("no turns were written by hand");
  const ChatMessage message{"user", "x"};
  const ChatFormat& format = *input.model.text->recognised->format;
  const std::string with = render_chat(format, {&message, 1}, {}, true), without = render_chat(format, {&message, 1}, {}, false);
  const std::string opening = with.substr(without.size());
  if (opening.empty()) return passed("the turns say by themselves that an answer follows");
  const size_t at = prompt.text.rfind(opening), last = prompt.text.rfind(own->opens);
  if (at != std::string::npos && at >= last) return passed("the prompt ends inside the assistant's turn");
  return failed("turns written by hand, the last of which is not the assistant's", "a prompt that opens the assistant's turn",
                "end it with the assistant's opening, or use --chat");
}

constexpr CheckRow rows[] = {
    {"prompt.markup", "turns are marked as another family of models has it", "marks of families that the table lacks", needs_prompt | needs_tokenizer, markup},
    {"prompt.begin", "the beginning-of-sequence token stands twice, or is missing from token ids", "a model that needs one without any file saying so",
     needs_prompt | needs_tokenizer, begin},
    {"prompt.turns", "a chat model that goes wrong was given raw text, or a base model was given a conversation",
     "a template known by its marks only, whose details differ", needs_prompt | needs_tokenizer, turns},
    {"prompt.answer", "turns written by hand do not open the answer", "an answer that was begun badly", needs_prompt | needs_tokenizer, answer},
};

}  // namespace

std::span<const CheckRow> prompt_checks() { return rows; }

}  // namespace kvdiff
