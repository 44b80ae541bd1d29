#include "reports/table.h"

#include <algorithm>
#include <limits>

#include "reports/text.h"

namespace kvdiff {
namespace {

constexpr int gap = 2;

struct Layout {
  std::vector<int> widths;
  std::vector<bool> shown;  // the first column, too: false where names have lines of their own
  int line() const {
    int sum = -gap;
    for (size_t i = 0; i < widths.size(); ++i) sum += shown[i] ? widths[i] + gap : 0;
    return sum;
  }
};

std::vector<int> widths_of(const Table& table) {
  std::vector<int> widths;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    widths.push_back(columns(table.columns[i].title));
    for (const auto& row : table.rows) widths[i] = std::max(widths[i], columns(row[i].text));
  }
  return widths;
}

// 0: there is none below `bound`.
size_t least_important(const Table& table, const Layout& layout, int bound) {
  size_t least = 0;
  for (size_t i = 1; i < table.columns.size(); ++i) {
    const int importance = table.columns[i].importance;
    if (layout.shown[i] && importance < bound) least = i, bound = importance;
  }
  return least;
}

void leave_out(const Table& table, Layout& layout, int width, int bound) {
  while (layout.line() > width) {
    const size_t least = least_important(table, layout, bound);
    if (least == 0) return;
    layout.shown[least] = false;
  }
}

Layout layout_of(const Table& table, int width) {
  const Layout whole{widths_of(table), std::vector<bool>(table.columns.size(), true)};
  Layout layout = whole;
  leave_out(table, layout, width, 2);
  if (layout.line() <= width) return layout;
  layout = whole;
  layout.shown[0] = false;
  leave_out(table, layout, width - gap, std::numeric_limits<int>::max());
  return layout;
}

std::string line_of(const std::vector<TableCell>& cells, const Table& table, const Layout& layout, const RenderOptions& options) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (!layout.shown[i]) continue;
    const std::string cell = table.columns[i].right ? padded_left(cells[i].text, layout.widths[i])
                                                    : padded_right(cells[i].text, layout.widths[i]);
    const bool last = i + 1 == cells.size() && !table.columns[i].right;
    line += (i == 0 ? "" : std::string(gap, ' ')) + painted(last ? cells[i].text : cell, cells[i].tone, options);
  }
  return line;
}

void append_row(std::vector<std::string>& lines, const std::vector<TableCell>& cells, const Table& table, const Layout& layout,
                const RenderOptions& options) {
  if (!layout.shown[0]) {
    for (const auto& part : wrapped(cells[0].text, options.width)) lines.push_back(painted(part, cells[0].tone, options));
  }
  lines.push_back(line_of(cells, table, layout, options));
}

}  // namespace

std::vector<std::string> table_lines(const Table& table, const RenderOptions& options) {
  const Layout layout = layout_of(table, options.width);
  std::vector<TableCell> titles;
  std::string left_out;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    titles.push_back({table.columns[i].title, Tone::dim});
    if (i > 0 && !layout.shown[i]) left_out += (left_out.empty() ? "" : ", ") + table.columns[i].title;
  }
  std::vector<std::string> lines;
  append_row(lines, titles, table, layout, options);
  for (const auto& row : table.rows) append_row(lines, row, table, layout, options);
  if (left_out.empty()) return lines;
  for (const auto& line : wrapped("No room here for: " + left_out, options.width)) lines.push_back(painted(line, Tone::dim, options));
  return lines;
}

}  // namespace kvdiff
