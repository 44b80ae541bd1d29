#include "harness/text/normalizer.h"

#include <fmt/format.h>

#include "cache_backends/error.h"
#include "harness/text/code_point_set.h"
#include "harness/text/json_reader.h"
#include "harness/text/pattern.h"
#include "harness/text/unicode_text.h"
#include "harness/text/utf8.h"

namespace kvdiff {
namespace {

// Rewrites a piece character by character; a character may become any text, also none.
template <typename Append>
void rewrite_characters(TextPiece& piece, const Append& append) {
  std::string out;
  out.reserve(piece.text.size());
  size_t origin_prefix = 0;
  for (size_t offset = 0; offset < piece.text.size();) {
    const auto c = decode_valid_utf8(piece.text, offset);
    append(out, c.value);
    offset += c.length;
    if (offset <= piece.origin_prefix) origin_prefix = out.size();
  }
  piece.text = std::move(out);
  piece.origin_prefix = origin_prefix;
}

template <NormalizationForm form>
Normalizer make_unicode_form(JsonReader&, Nesting&) {
  return [](TextPiece& piece) {
    std::string out = normalize_unicode(piece.text, form);
    if (piece.origin_prefix > 0 && !out.empty()) {
      // The text's first character may have joined, or been parted from, what follows it.
      const std::string first = normalize_unicode(piece.text.substr(0, piece.origin_prefix), form);
      piece.origin_prefix = out.compare(0, first.size(), first) == 0 ? first.size() : decode_valid_utf8(out, 0).length;
    }
    piece.text = std::move(out);
  };
}

Normalizer make_lowercase(JsonReader&, Nesting&) {
  return [](TextPiece& piece) { rewrite_characters(piece, append_lowercase); };
}

Normalizer make_strip_accents(JsonReader&, Nesting&) {
  return [&marks = unicode_class_bitmap("combining_mark")](TextPiece& piece) {
    rewrite_characters(piece, [&marks](std::string& out, char32_t c) {
      if (!marks.contains(c)) append_utf8(out, c);
    });
  };
}

Normalizer make_byte_level(JsonReader&, Nesting&) { return apply_byte_level; }

Normalizer make_prepend(JsonReader& fields, Nesting&) {
  return [text = fields.text("prepend")](TextPiece& piece) { prepend(piece, text); };
}

Normalizer make_strip(JsonReader& fields, Nesting&) {
  const bool left = fields.boolean("strip_left");
  const bool right = fields.boolean("strip_right");
  return [left, right, &space = unicode_class_bitmap("whitespace")](TextPiece& piece) {
    size_t begin = 0, end = piece.text.size();
    while (left && begin < end) {
      const auto c = decode_valid_utf8(piece.text, begin);
      if (!space.contains(c.value)) break;
      begin += c.length;
    }
    while (right && end > begin) {
      size_t start = end - 1;
      while ((static_cast<uint8_t>(piece.text[start]) & 0xC0) == 0x80) --start;
      if (!space.contains(decode_valid_utf8(piece.text, start).value)) break;
      end = start;
    }
    const bool at_origin = piece.at_origin;
    piece = cut_piece(piece, begin, end);
    piece.at_origin = at_origin;
  };
}

[[noreturn]] void refuse_empty_match(const std::string& place) {
  throw UserError(ExitCode::input,
                  fmt::format("tokenizer.json: {} (Replace) matches an empty place of the text, which is not "
                              "supported. Give the prompt as token ids.",
                              place));
}

// What replaces a match counts as coming from the match's last character.
void replace_in_piece(TextPiece& piece, const FindMatches& find, const std::string& content, const std::string& place) {
  const auto matches = find(piece.text);
  size_t origin_prefix = 0, length = 0;
  for (const auto& match : matches) {
    if (match.is_match && match.begin == match.end) refuse_empty_match(place);
    const size_t end = match.is_match ? match.end : std::min(match.end, piece.origin_prefix);
    const bool from_origin = match.is_match ? match.end <= piece.origin_prefix : match.begin < piece.origin_prefix;
    if (from_origin) origin_prefix = length + (match.is_match ? content.size() : end - match.begin);
    length += match.is_match ? content.size() : match.end - match.begin;
  }
  piece.text = replace_matches(piece.text, matches, content);
  piece.origin_prefix = origin_prefix;
}

Normalizer make_replace(JsonReader& fields, Nesting&) {
  FindMatches find = read_pattern(fields, "pattern");
  for (const auto& match : find("a")) {
    if (match.is_match && match.begin == match.end) refuse_empty_match(fields.place());
  }
  return [find = std::move(find), content = fields.text("content"), place = fields.place()](TextPiece& piece) {
    replace_in_piece(piece, find, content, place);
  };
}

Normalizer make_sequence(JsonReader& fields, Nesting& nesting);

constexpr ComponentRow<Normalizer> rows[] = {
    {"NFC", make_unicode_form<NormalizationForm::nfc>},
    {"NFD", make_unicode_form<NormalizationForm::nfd>},
    {"NFKC", make_unicode_form<NormalizationForm::nfkc>},
    {"NFKD", make_unicode_form<NormalizationForm::nfkd>},
    {"Lowercase", make_lowercase},
    {"Prepend", make_prepend},
    {"Replace", make_replace},
    {"Strip", make_strip},
    {"StripAccents", make_strip_accents},
    {"ByteLevel", make_byte_level},
    {"Sequence", make_sequence},
};

Normalizer make_sequence(JsonReader& fields, Nesting& nesting) {
  std::vector<Normalizer> steps;
  for (const auto& step : fields.array("normalizers")) {
    const auto place = fmt::format("{}.normalizers[{}]", fields.place(), steps.size());
    steps.push_back(make_component<Normalizer>(step, place, rows, nesting));
  }
  return [steps = std::move(steps)](TextPiece& piece) {
    for (const auto& step : steps) {
      step(piece);
      require_sane_size(piece.text.size());
    }
  };
}

}  // namespace

Normalizer make_normalizer(const nlohmann::json& value) {
  if (value.is_null()) return [](TextPiece&) {};
  Nesting nesting;
  return make_component<Normalizer>(value, "normalizer", rows, nesting);
}

}  // namespace kvdiff
