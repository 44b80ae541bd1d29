#include <fmt/format.h>

#include <algorithm>

#include "harness/checks/groups.h"
#include "harness/checks/markup.h"
#include "harness/checks/natural_text.h"
#include "harness/model/files/text_quote.h"

// The tokenizer by itself, and against the model.
namespace kvdiff {
namespace {

const Tokenizer& tokenizer_of(const CheckInput& input) { return input.model.text->tokenizer; }

CheckResult readable(const CheckInput& input) {
  const auto refused = input.model.refused.find("tokenizer");
  if (refused != input.model.refused.end())
    return failed(refused->second, "a tokenizer.json that can be read", "get tokenizer.json again, from the model's own folder");
  if (!input.model.text) return not_applicable("the tokenizer was not read");
  return passed(fmt::format("{} tokens", tokenizer_of(input).vocabulary_size()));
}

std::string_view without_leading_space(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return text;
}

CheckResult round_trip(const CheckInput& input) {
  const std::string text(input.asked ? std::string_view(input.asked->prompt.text) : natural_text());
  const std::vector<int32_t> ids = tokenizer_of(input).encode(text, false);
  const std::string again = tokenizer_of(input).decode(ids, false);
  const std::string_view a = without_leading_space(text), b = without_leading_space(again);
  if (a == b) return passed(fmt::format("{} bytes come back from {} tokens", text.size(), ids.size()));
  const auto at = static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  return failed(fmt::format("a text that differs from byte {} on: {} came back as {}", at,
                             quote_name(a.substr(at, 12)), quote_name(b.substr(std::min(at, b.size()), 12))),
                "the same text from its own tokens", "use the tokenizer.json of this model: this one drops or changes what it is given");
}

CheckResult ids(const CheckInput& input) {
  const int64_t tokens = tokenizer_of(input).vocabulary_size(), rows = input.model.config->vocabulary_size;
  const std::string text = fmt::format("{} tokens in the tokenizer, {} in the model", tokens, rows);
  if (tokens <= rows) return passed(text);
  return failed(text, "no more tokens than the model has", "use the tokenizer that belongs to the model, or the checkpoint whose embedding was resized for it");
}

// Names of tokens that must be one token each, and what they are for.
std::vector<std::string> whole_tokens(const TextModel& model) {
  std::vector<std::string> names;
  for (const std::string& name : {model.turn_tokens.begin, model.turn_tokens.end})
    if (!name.empty()) names.push_back(name);
  const Markup* markup = model.recognised ? markup_of(*model.recognised->format) : nullptr;
  if (!markup || !markup->one_token) return names;
  names.emplace_back(markup->opens);
  if (!markup->closes.empty()) names.emplace_back(markup->closes);
  return names;
}

CheckResult special(const CheckInput& input) {
  const std::vector<std::string> names = whole_tokens(*input.model.text);
  for (const std::string& name : names) {
    const size_t tokens = tokenizer_of(input).encode(name, false).size();
    if (tokens != 1)
      return failed(fmt::format("{} becomes {} tokens", quote_name(name), tokens), "one token",
                    "use a tokenizer.json whose added_tokens have it: the model never saw it in pieces");
  }
  if (names.empty()) return not_applicable("tokenizer_config.json names no special token, and no chat format is known");
  return passed(fmt::format("{} special tokens are one token each", names.size()));
}

CheckResult begin(const CheckInput& input) {
  const nlohmann::json& config = input.model.tokenizer_config_json;
  const bool wanted = config.is_object() && config.contains("add_bos_token") && config["add_bos_token"] == true;
  const std::vector<int32_t> around = tokenizer_of(input).encode("a", true);
  const auto bos = tokenizer_of(input).id(input.model.text->turn_tokens.begin);
  const bool there = bos && !around.empty() && around.front() == *bos;
  if (there && around.size() > 1 && around[1] == *bos)
    return failed("two beginning-of-sequence tokens in front of a text", "one", "correct the post_processor of tokenizer.json");
  if (wanted && !there)
    return failed("add_bos_token true, and no beginning-of-sequence token in front of a text", "one",
                  "add it to the post_processor of tokenizer.json: kvdiff follows that file");
  return passed(there ? "one beginning-of-sequence token in front of a text" : "no beginning-of-sequence token is asked for");
}

CheckResult end(const CheckInput& input) {
  if (!input.model.generation) return not_applicable("generation_config.json could not be read");
  const std::vector<int64_t>& ids = input.model.generation->eos_ids;
  if (ids.empty())
    return failed("no end token", "eos_token_id in generation_config.json, or in config.json where that file is missing",
                  "add it: the model's text would never end");
  const int64_t tokens = tokenizer_of(input).vocabulary_size();
  for (const int64_t id : ids)
    if (id < 0 || id >= tokens)
      return failed(fmt::format("the end token {}", id), fmt::format("an id of one of the {} tokens", tokens), "correct eos_token_id");
  const TextModel& text = *input.model.text;
  const Markup* markup = text.recognised ? markup_of(*text.recognised->format) : nullptr;
  if (!markup || markup->closes.empty()) return passed(fmt::format("{} end tokens", ids.size()));
  const auto closes = tokenizer_of(input).id(markup->closes);
  if (closes && std::find(ids.begin(), ids.end(), *closes) == ids.end())
    return failed(fmt::format("{} ends a turn of the chat template and is no end token", quote_name(markup->closes)), fmt::format("the id {} in eos_token_id", *closes),
                  "add it to eos_token_id: an answer would never end");
  return passed(fmt::format("{} end tokens, among them the one that ends a turn", ids.size()));
}

size_t entries(const nlohmann::json& tokenizer, const char* name) {
  const auto model = tokenizer.find("model");
  return model != tokenizer.end() && model->is_object() && model->contains(name) ? (*model)[name].size() : 0;
}

// Every token of byte pair encoding but the characters that it starts from is made by a merge.
CheckResult merges(const CheckInput& input) {
  constexpr size_t smallest_vocabulary = 4096;
  constexpr double fewest_merges = 0.5, fewest_characters = 2.0;
  const size_t vocabulary = entries(input.model.tokenizer_json, "vocab"), found = entries(input.model.tokenizer_json, "merges");
  if (vocabulary < smallest_vocabulary) return not_applicable(fmt::format("a vocabulary of {} tokens has few words", vocabulary));
  const std::vector<int32_t> tokens = tokenizer_of(input).encode(natural_text(), false);
  const double characters = static_cast<double>(natural_text().size()) / static_cast<double>(std::max<size_t>(1, tokens.size()));
  const std::string text = fmt::format("{} merges for {} tokens, {:.2f} characters per token of an English text", found, vocabulary, characters);
  if (static_cast<double>(found) >= fewest_merges * static_cast<double>(vocabulary) && characters >= fewest_characters) return passed(text);
  return failed(text, "about as many merges as tokens, and 2 characters per token or more",
                "use the whole tokenizer.json of this model: without its merges the model gets letters for words");
}

constexpr CheckRow rows[] = {
    {"tokenizer.readable", "tokenizer.json is damaged, or of a kind that kvdiff does not read", "a sound tokenizer of another model", 0, readable},
    {"tokenizer.ids", "the tokenizer gives ids that the model does not know", "a tokenizer of the same size whose ids mean other words: reference.loss",
     needs_config | needs_tokenizer, ids},
    {"tokenizer.merges", "merges are missing: words fall apart into letters", "merges in another order; vocabularies below 4,096 tokens", needs_tokenizer, merges},
    {"tokenizer.special", "a special token, or a mark of the chat template, is cut into pieces", "marks of templates that are not known",
     needs_tokenizer, special},
    {"tokenizer.round_trip", "the prompt does not come back from its tokens", "text that comes back and was cut otherwise than in training",
     needs_tokenizer, round_trip},
    {"tokenizer.begin", "the beginning-of-sequence token stands twice in front of a text, or not at all where it should",
     "a model that needs one without any file saying so", needs_tokenizer, begin},
    {"tokenizer.end", "no end token, one that does not exist, or not the one that ends a turn", "an end token that training never used",
     needs_config | needs_tokenizer, end},
};

}  // namespace

std::span<const CheckRow> tokenizer_checks() { return rows; }

}  // namespace kvdiff
