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

// The text with every match replaced.
std::string replace_matches(std::string_view text, const std::vector<TextMatch>& matches, std::string_view content);

}  // namespace kvdiff
