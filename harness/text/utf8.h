#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace kvdiff {

struct DecodedCodePoint {
  char32_t value = 0;
  size_t length = 1;  // bytes
};

// The well-formed sequence at text[offset]: shortest form, no surrogates, at most U+10FFFF; else nothing.
std::optional<DecodedCodePoint> decode_utf8(std::string_view text, size_t offset);

// For text that is known to be well-formed: the code point at text[offset] and its length.
DecodedCodePoint decode_valid_utf8(std::string_view text, size_t offset);

void append_utf8(std::string& text, char32_t code_point);
std::string to_utf8(char32_t code_point);

// Byte offset of the first ill-formed sequence, or nothing.
std::optional<size_t> find_invalid_utf8(std::string_view text);

// Throws UserError(ExitCode::input) that names `what` and the byte offset.
void require_utf8(std::string_view text, std::string_view what);

// Replaces every maximal ill-formed part by U+FFFD (Unicode 15, section 3.9, "substitution of maximal subparts").
// With `complete` false, an unfinished sequence at the end is left in `pending` instead: its other bytes may follow.
std::string replace_invalid_utf8(std::string& pending, bool complete);

// Removes what Python's str.strip() removes.
std::string_view strip_python_whitespace(std::string_view text);

}  // namespace kvdiff
