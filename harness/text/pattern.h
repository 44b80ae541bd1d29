#pragma once
#include <memory>
#include <string>

#include "harness/text/json_reader.h"
#include "harness/text/text_piece.h"

namespace kvdiff {

// {"String": "..."} or {"Regex": "..."} as Split and Replace have it.
FindMatches read_pattern(JsonReader& fields, std::string_view name);

// "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous".
SplitBehavior read_split_behavior(JsonReader& fields, std::string_view name);

// A text as a pattern that matches it literally, and nothing in an empty text. The text is not empty.
FindMatches find_literal(std::string literal);

// A field with exactly one character.
std::string read_character(JsonReader& fields, std::string_view name);

// A file may ask for replacements that multiply a text without end; what grows beyond this is refused.
constexpr size_t largest_text = size_t{32} << 20;

// Throws UserError(ExitCode::input) for more bytes than largest_text.
void require_sane_size(size_t bytes);

// The text with every match replaced. Throws UserError(ExitCode::input) where that is larger than largest_text.
std::string replace_matches(std::string_view text, const std::vector<TextMatch>& matches, std::string_view content);

}  // namespace kvdiff
