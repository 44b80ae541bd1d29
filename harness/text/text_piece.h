#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/text/split_regex.h"

namespace kvdiff {

// A part of the text on its way to tokens. One that is an added token already has its id and passes untouched.
struct TextPiece {
  std::string text;
  int32_t token_id = -1;
  // Metaspace's prepend scheme "first" asks whether a piece begins where the user's text began:
  bool at_origin = false;    // the piece does
  size_t origin_prefix = 0;  // so many of its first bytes come from the text's first character; parts cut there do, too
};

// What is done with the matches of a pattern, as in the `tokenizers` package.
enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

using FindMatches = std::function<std::vector<TextMatch>(std::string_view)>;

// A part [begin, end) of a piece that is not empty.
TextPiece cut_piece(const TextPiece& piece, size_t begin, size_t end);

// Cuts every piece that is not a token yet.
std::vector<TextPiece> split_pieces(std::vector<TextPiece> pieces, const FindMatches& find, SplitBehavior behavior);

// Matches are the characters for which `matches` is true, one by one.
FindMatches find_characters(std::function<bool(char32_t)> matches);

// Matches and the rest change roles.
FindMatches inverted(FindMatches find);

// Every byte as a visible character, as GPT-2 began it: "Ġ" is a space. U+0021..U+007E, U+00A1..U+00AC and
// U+00AE..U+00FF stand for themselves, the other 68 bytes follow in order from U+0100.
char32_t byte_level_character(uint8_t byte);

// The byte of such a character, or -1.
int byte_of_byte_level_character(char32_t character);

void apply_byte_level(TextPiece& piece);
void prepend(TextPiece& piece, std::string_view text);  // does nothing to an empty piece

}  // namespace kvdiff
