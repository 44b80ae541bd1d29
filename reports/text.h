#pragma once
#include <cstddef>
#include <cstdint>
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

// Lines of at most `width` columns, broken at spaces where there are any. A line is a range of cells; the spaces at its end
// belong to none.
struct CellRange {
  size_t first = 0, last = 0;  // last is past the end
};
std::vector<CellRange> line_ranges(const std::vector<Cell>& cells, int width);
std::vector<std::string> wrapped(std::string_view printable_text, int width);

// Bytes of the first `characters` characters (code points; a broken byte counts as one), or of all of the text.
size_t bytes_of_characters(std::string_view text, int64_t characters);

}  // namespace kvdiff
