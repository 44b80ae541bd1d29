#include "harness/text/added_tokens.h"

#include <fmt/format.h>

#include "harness/model/files/strict_json.h"
#include "harness/text/code_point_set.h"
#include "harness/text/json_reader.h"
#include "harness/text/utf8.h"

namespace kvdiff {
namespace {

AddedToken read_token(JsonReader& fields) {
  AddedToken token;
  token.content = fields.text("content");
  token.single_word = fields.boolean("single_word");
  token.lstrip = fields.boolean("lstrip");
  token.rstrip = fields.boolean("rstrip");
  token.normalized = fields.boolean("normalized");
  token.special = fields.boolean("special");
  fields.finish();
  return token;
}

std::string normalized_text(const std::string& text, const Normalizer& normalize) {
  TextPiece piece;
  piece.text = text;
  normalize(piece);
  return piece.text;
}

// The peer ignores the ids in the file: a token of the model keeps its id there, the others are numbered on behind the
// model's. Where the file says otherwise, one of the two is not what the model was trained with.
void check_id(const BpeModel& model, const std::string& content, int64_t id, int64_t& next,
              std::vector<std::string>& problems) {
  const auto in_model = model.vocabulary.find(content);
  if (in_model != model.vocabulary.end()) {
    if (in_model->second != id) {
      problems.push_back(
          fmt::format("added token \"{}\" has the id {}, but {} in model.vocab", content, id, in_model->second));
    }
    return;
  }
  if (id != next) {
    problems.push_back(
        fmt::format("added token \"{}\" has the id {}, expected {}: the ids have a hole, repeat, or are out of order",
                    content, id, next));
  }
  ++next;
}

void index_token(AddedTokens& tokens, int32_t id, AddedToken token, std::vector<std::string>& problems) {
  LiteralTrie& trie = token.normalized ? tokens.normalized : tokens.raw;
  if (token.pattern.empty()) {
    problems.push_back(fmt::format("added token {} (\"{}\") is empty{}", id, token.content,
                                   token.normalized ? " once normalized" : ""));
  } else if (trie.longest_at(token.pattern, 0).length == token.pattern.size()) {
    problems.push_back(fmt::format("added token {} (\"{}\") looks like another one{}", id, token.content,
                                   token.normalized ? " once normalized" : ""));
  } else {
    trie.add(token.pattern, id);
  }
  if (token.special) tokens.special_contents.insert(token.content);
  tokens.ids.emplace(token.content, id);
  tokens.by_id.emplace(id, std::move(token));
}

bool word_at(std::string_view text, size_t offset) {
  static const CodePointBitmap& word = unicode_class_bitmap("word");
  return word.contains(decode_valid_utf8(text, offset).value);
}

size_t start_of_last_character(std::string_view text, size_t end) {
  size_t start = end - 1;
  while ((static_cast<uint8_t>(text[start]) & 0xC0) == 0x80) --start;
  return start;
}

bool stands_alone(std::string_view text, size_t begin, size_t end) {
  const bool left = begin == 0 || !word_at(text, start_of_last_character(text, begin));
  return left && (end == text.size() || !word_at(text, end));
}

bool space_at(std::string_view text, size_t offset) {
  static const CodePointBitmap& space = unicode_class_bitmap("whitespace");
  return space.contains(decode_valid_utf8(text, offset).value);
}

struct Cut {
  size_t begin;
  size_t end;
  int32_t token_id;
};

// Widens a hit by the white space that the token takes; on the left, not into what the token before has taken.
Cut widened(std::string_view text, const AddedToken& token, Cut cut, size_t covered) {
  while (token.lstrip && cut.begin > covered) {
    const size_t before = start_of_last_character(text, cut.begin);
    if (!space_at(text, before)) break;
    cut.begin = before;
  }
  while (token.rstrip && cut.end < text.size() && space_at(text, cut.end)) {
    cut.end += decode_valid_utf8(text, cut.end).length;
  }
  return cut;
}

std::vector<Cut> find_tokens(const AddedTokens& tokens, const LiteralTrie& trie, std::string_view text) {
  std::vector<Cut> cuts;
  size_t covered = 0;
  for (size_t offset = 0; offset < text.size();) {
    const auto hit = trie.longest_at(text, offset);
    if (hit.length == 0) {
      ++offset;
      continue;
    }
    const size_t begin = offset;
    offset += hit.length;  // also where the hit is not taken
    const AddedToken& token = tokens.by_id.at(hit.value);
    if (token.single_word && !stands_alone(text, begin, offset)) continue;
    const Cut cut = widened(text, token, {begin, offset, hit.value}, covered);
    if (covered < cut.begin) cuts.push_back({covered, cut.begin, -1});
    cuts.push_back(cut);
    covered = cut.end;
  }
  if (covered < text.size()) cuts.push_back({covered, text.size(), -1});
  return cuts;
}

std::vector<TextPiece> cut_tokens(const AddedTokens& tokens, const LiteralTrie& trie, const TextPiece& piece) {
  std::vector<TextPiece> parts;
  for (const auto& cut : find_tokens(tokens, trie, piece.text)) {
    parts.push_back(cut_piece(piece, cut.begin, cut.end));
    parts.back().token_id = cut.token_id;
  }
  return parts;
}

}  // namespace

void LiteralTrie::add(std::string_view text, int32_t value) {
  first_[static_cast<uint8_t>(text[0])] = true;
  size_t node = 0;
  for (const char c : text) {
    const auto [found, fresh] = nodes_[node].next.emplace(c, nodes_.size());
    node = found->second;
    if (fresh) nodes_.emplace_back();
  }
  nodes_[node].value = value;
}

LiteralTrie::Hit LiteralTrie::longest_at(std::string_view text, size_t offset) const {
  Hit best;
  if (!first_[static_cast<uint8_t>(text[offset])]) return best;
  size_t node = 0;
  for (size_t length = 1; offset + length <= text.size(); ++length) {
    const auto next = nodes_[node].next.find(text[offset + length - 1]);
    if (next == nodes_[node].next.end()) break;
    node = next->second;
    if (nodes_[node].value >= 0) best = {length, nodes_[node].value};
  }
  return best;
}

AddedTokens read_added_tokens(const nlohmann::json& value, const BpeModel& model, const Normalizer& normalize) {
  AddedTokens tokens;
  std::vector<std::string> problems;
  if (!value.is_array()) problems.push_back(fmt::format("added_tokens is {}, expected an array", json_in_short(value)));
  auto next = static_cast<int64_t>(model.vocabulary.size());
  for (size_t i = 0; value.is_array() && i < value.size(); ++i) {
    JsonReader fields(value[i], fmt::format("added_tokens[{}]", i));
    const int64_t id = fields.whole_number("id", 0, largest_token_id);
    AddedToken token = read_token(fields);
    token.pattern = token.normalized ? normalized_text(token.content, normalize) : token.content;
    if (tokens.ids.count(token.content) > 0) {
      problems.push_back(fmt::format("added token \"{}\" is listed twice", token.content));
      continue;
    }
    check_id(model, token.content, id, next, problems);
    index_token(tokens, static_cast<int32_t>(id), std::move(token), problems);
  }
  refuse_if_any(problems);
  return tokens;
}

std::vector<TextPiece> extract_and_normalize(const AddedTokens& tokens, const Normalizer& normalize,
                                             std::string_view text) {
  if (text.empty()) return {};
  TextPiece whole;
  whole.text = text;
  whole.at_origin = true;
  whole.origin_prefix = decode_valid_utf8(text, 0).length;
  std::vector<TextPiece> pieces;
  for (auto& part : cut_tokens(tokens, tokens.raw, whole)) {
    if (part.token_id >= 0) {
      pieces.push_back(std::move(part));
      continue;
    }
    normalize(part);
    for (auto& piece : cut_tokens(tokens, tokens.normalized, part)) pieces.push_back(std::move(piece));
  }
  return pieces;
}

}  // namespace kvdiff
