#include "harness/text/pre_tokenizer.h"

#include <fmt/format.h>

#include "harness/text/code_point_set.h"
#include "harness/text/json_reader.h"
#include "harness/text/metaspace.h"
#include "harness/text/pattern.h"
#include "harness/text/utf8.h"

namespace kvdiff {
namespace {

// GPT-2's pattern, which ByteLevel has built in.
constexpr std::string_view byte_level_pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

PreTokenizer splitter(FindMatches find, SplitBehavior behavior) {
  return [find = std::move(find), behavior](std::vector<TextPiece> pieces) {
    return split_pieces(std::move(pieces), find, behavior);
  };
}

FindMatches members_of(std::string_view unicode_class) {
  return find_characters([&set = unicode_class_bitmap(unicode_class)](char32_t c) { return set.contains(c); });
}

PreTokenizer make_byte_level(JsonReader& fields, Nesting&) {
  const bool prefix_space = fields.boolean("add_prefix_space");
  fields.boolean("trim_offsets");  // offsets only
  const bool use_regex = fields.boolean_or("use_regex", true);
  const auto regex = use_regex ? std::make_shared<SplitRegex>(byte_level_pattern) : nullptr;
  return [prefix_space, regex](std::vector<TextPiece> pieces) {
    for (auto& piece : pieces) {
      if (prefix_space && piece.token_id < 0 && !piece.text.starts_with(' ')) prepend(piece, " ");
    }
    if (regex) {
      const auto find = [&regex](std::string_view text) { return regex->find(text); };
      pieces = split_pieces(std::move(pieces), find, SplitBehavior::isolated);
    }
    for (auto& piece : pieces) {
      if (piece.token_id < 0) apply_byte_level(piece);
    }
    return pieces;
  };
}

PreTokenizer make_digits(JsonReader& fields, Nesting&) {
  const bool individual = fields.boolean("individual_digits");
  return splitter(members_of("numeric"), individual ? SplitBehavior::isolated : SplitBehavior::contiguous);
}

PreTokenizer make_punctuation(JsonReader& fields, Nesting&) {
  const auto behavior = fields.has("behavior") ? read_split_behavior(fields, "behavior") : SplitBehavior::isolated;
  return splitter(members_of("punctuation"), behavior);
}

PreTokenizer make_split(JsonReader& fields, Nesting&) {
  FindMatches find = read_pattern(fields, "pattern");
  if (fields.boolean("invert")) find = inverted(std::move(find));
  return splitter(std::move(find), read_split_behavior(fields, "behavior"));
}

PreTokenizer make_whitespace_split(JsonReader&, Nesting&) {
  return splitter(members_of("whitespace"), SplitBehavior::removed);
}

// Runs of word characters, and runs of what is neither word nor white space; the white space goes.
std::vector<TextMatch> find_words(std::string_view text) {
  static const CodePointBitmap& word = unicode_class_bitmap("word");
  static const CodePointBitmap& space = unicode_class_bitmap("whitespace");
  std::vector<TextMatch> runs;
  int previous = -1;
  for (size_t offset = 0; offset < text.size();) {
    const auto c = decode_valid_utf8(text, offset);
    const int kind = word.contains(c.value) ? 2 : space.contains(c.value) ? 0 : 1;
    if (kind != previous) runs.push_back({offset, offset, kind == 0});
    offset += c.length;
    runs.back().end = offset;
    previous = kind;
  }
  return runs;
}

PreTokenizer make_whitespace(JsonReader&, Nesting&) { return splitter(find_words, SplitBehavior::removed); }

PreTokenizer make_metaspace(JsonReader& fields, Nesting&) {
  const Metaspace metaspace = read_metaspace(fields);
  const FindMatches marks = find_literal(metaspace.replacement);
  return [metaspace, marks](std::vector<TextPiece> pieces) {
    for (auto& piece : pieces) {
      if (piece.token_id < 0) apply_metaspace(metaspace, piece);
    }
    return metaspace.split ? split_pieces(std::move(pieces), marks, SplitBehavior::merged_with_next) : pieces;
  };
}

PreTokenizer make_sequence(JsonReader& fields, Nesting& nesting);

constexpr ComponentRow<PreTokenizer> rows[] = {
    {"ByteLevel", make_byte_level},
    {"Digits", make_digits},
    {"Metaspace", make_metaspace},
    {"Punctuation", make_punctuation},
    {"Split", make_split},
    {"Whitespace", make_whitespace},
    {"WhitespaceSplit", make_whitespace_split},
    {"Sequence", make_sequence},
};

PreTokenizer make_sequence(JsonReader& fields, Nesting& nesting) {
  std::vector<PreTokenizer> steps;
  for (const auto& step : fields.array("pretokenizers")) {
    const auto place = fmt::format("{}.pretokenizers[{}]", fields.place(), steps.size());
    steps.push_back(make_component<PreTokenizer>(step, place, rows, nesting));
  }
  return [steps = std::move(steps)](std::vector<TextPiece> pieces) {
    for (const auto& step : steps) {
      pieces = step(std::move(pieces));
      size_t bytes = 0;
      for (const auto& piece : pieces) bytes += piece.text.size();
      require_sane_size(bytes);
    }
    return pieces;
  };
}

}  // namespace

PreTokenizer make_pre_tokenizer(const nlohmann::json& value) {
  if (value.is_null()) return [](std::vector<TextPiece> pieces) { return pieces; };
  Nesting nesting;
  return make_component<PreTokenizer>(value, "pre_tokenizer", rows, nesting);
}

}  // namespace kvdiff
