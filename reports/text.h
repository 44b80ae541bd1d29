#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace kvdiff {

// One cell of printed text: a character with the marks that combine with it, or the escape of one that may not be printed.
struct Cell {
  std::string text;
  int width = 0;      // columns
  size_t offset = 0;  // of its first byte in the source
};

// Text of a model or of a user, made safe to print on one line: a line break becomes an arrow, and control characters,
// escape sequences, direction marks, invisible characters and broken UTF-8 are spelled out (`\t`, `\x1b`, `\u202e`,
// `\xff`). With unicode = false the line break is `\n` and everything beyond ASCII is spelled out too.
std::vector<Cell> printable_cells(std::string_view text, bool unicode);
std::string printable(std::string_view text, bool unicode);

// Columns of text that is printable already.
int columns(std::string_view printable_text);

// At most `width` columns, the end cut and marked by an ellipsis.
std::string clipped(std::string_view printable_text, int width, bool unicode);

// Padded with spaces to `width` columns, at the right or at the left.
std::string padded_right(std::string_view printable_text, int width);
std::string padded_left(std::string_view printable_text, int width);

// Lines of at most `width` columns, broken at spaces where there are any.
std::vector<std::string> wrapped(std::string_view printable_text, int width);

// UTF-8 with every broken byte replaced by U+FFFD: what a JSON file can hold.
std::string valid_utf8(std::string_view text);

}  // namespace kvdiff
