#include "reports/text.h"

#include <fmt/format.h>

#include "reports/character_width.h"
#include "reports/utf8.h"

namespace kvdiff {
namespace {

constexpr char32_t zero_width_joiner = 0x200d, emoji_style = 0xfe0f;

// Characters that would move what stands around them, or hide.
bool is_disturbing(char32_t c) {
  if (c < 0x20 || (c >= 0x7f && c < 0xa0)) return true;
  if (c == 0xad || c == 0x61c || c == 0x180e || c == 0xfeff) return true;
  if (c >= 0x200b && c <= 0x200f && c != zero_width_joiner) return true;
  return (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || (c >= 0xfff0 && c <= 0xfffb) ||
         (c >= 0xe0000 && c <= 0xe0fff);
}

std::string escaped(char32_t c) {
  if (c == '\t') return "\\t";
  if (c == '\r') return "\\r";
  if (c == '\n') return "\\n";
  if (c < 0x80) return fmt::format("\\x{:02x}", static_cast<unsigned>(c));
  return c < 0x10000 ? fmt::format("\\u{:04x}", static_cast<unsigned>(c))
                     : fmt::format("\\U{:08x}", static_cast<unsigned>(c));
}

Cell escape_cell(std::string text, size_t offset) {
  const int width = static_cast<int>(text.size());
  return {std::move(text), width, offset};
}

bool is_emoji_modifier(char32_t c) { return c >= 0x1f3fb && c <= 0x1f3ff; }

// Joins marks, and the parts of a joined emoji, to the cell before them.
void append_character(std::vector<Cell>& cells, std::string_view bytes, char32_t value, size_t offset) {
  const bool joined = !cells.empty() && cells.back().text.ends_with("\xe2\x80\x8d");
  const bool modifies = is_emoji_modifier(value) && !cells.empty() && cells.back().width == 2;
  const int width = character_width(value);
  if (!cells.empty() && (width == 0 || joined || modifies)) {
    cells.back().text += bytes;
    if (value == emoji_style) cells.back().width = 2;
    return;
  }
  cells.push_back({std::string(bytes), width, offset});
}

size_t end_of_word(const std::vector<Cell>& cells, size_t at) {
  while (at < cells.size() && cells[at].text != " ") ++at;
  return at;
}

int width_between(const std::vector<Cell>& cells, size_t first, size_t last) {
  int width = 0;
  for (size_t i = first; i < last; ++i) width += cells[i].width;
  return width;
}

}  // namespace

std::vector<Cell> printable_cells(std::string_view text, bool unicode) {
  std::vector<Cell> cells;
  for (size_t at = 0; at < text.size();) {
    const auto [value, bytes, valid] = utf8_at(text, at);
    if (!valid) cells.push_back(escape_cell(fmt::format("\\x{:02x}", static_cast<unsigned>(value)), at));
    else if (value == '\n' && unicode) cells.push_back({"↵", 1, at});
    else if (is_disturbing(value) || (value >= 0x80 && !unicode)) cells.push_back(escape_cell(escaped(value), at));
    else append_character(cells, text.substr(at, bytes), value, at);
    at += bytes;
  }
  return cells;
}

std::string printable(std::string_view text, bool unicode) {
  std::string result;
  for (const Cell& cell : printable_cells(text, unicode)) result += cell.text;
  return result;
}

int columns(std::string_view printable_text) {
  int width = 0;
  for (const Cell& cell : printable_cells(printable_text, true)) width += cell.width;
  return width;
}

std::string clipped(std::string_view printable_text, int width, bool unicode) {
  if (columns(printable_text) <= width) return std::string(printable_text);
  const std::string_view ellipsis = unicode ? "…" : "...";
  const int room = width - (unicode ? 1 : 3);
  std::string result;
  int used = 0;
  for (const Cell& cell : printable_cells(printable_text, true)) {
    if (used + cell.width > room) break;
    result += cell.text;
    used += cell.width;
  }
  return room < 0 ? std::string(static_cast<size_t>(width > 0 ? width : 0), '.') : result + std::string(ellipsis);
}

std::string padded_right(std::string_view printable_text, int width) {
  const int missing = width - columns(printable_text);
  return std::string(printable_text) + std::string(static_cast<size_t>(missing > 0 ? missing : 0), ' ');
}

std::string padded_left(std::string_view printable_text, int width) {
  const int missing = width - columns(printable_text);
  return std::string(static_cast<size_t>(missing > 0 ? missing : 0), ' ') + std::string(printable_text);
}

std::vector<CellRange> line_ranges(const std::vector<Cell>& cells, int width) {
  std::vector<CellRange> lines(1);
  int used = 0;
  for (size_t at = 0; at < cells.size(); ++at) {
    const bool is_space = cells[at].text == " ";
    const bool starts_word = !is_space && (at == lines.back().first || cells[at - 1].text == " ");
    const int word = starts_word ? width_between(cells, at, end_of_word(cells, at)) : cells[at].width;
    const int needed = word <= width ? word : cells[at].width;
    if (!is_space && used > 0 && used + needed > width) {
      lines.push_back({at, at});
      used = 0;
    }
    used += cells[at].width;
    if (!is_space) lines.back().last = at + 1;
  }
  return lines;
}

std::vector<std::string> wrapped(std::string_view printable_text, int width) {
  const std::vector<Cell> cells = printable_cells(printable_text, true);
  std::vector<std::string> lines;
  for (const auto& [first, last] : line_ranges(cells, width)) {
    std::string& line = lines.emplace_back();
    for (size_t i = first; i < last; ++i) line += cells[i].text;
  }
  return lines;
}

size_t bytes_of_characters(std::string_view text, int64_t characters) {
  size_t at = 0;
  for (; characters > 0 && at < text.size(); --characters) at += utf8_at(text, at).bytes;
  return at;
}

}  // namespace kvdiff
