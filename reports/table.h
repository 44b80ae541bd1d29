#pragma once
#include <string>
#include <vector>

#include "reports/paint.h"

namespace kvdiff {

struct TableColumn {
  std::string title;
  bool right = true;     // numbers stand at the right
  int importance = 0;    // see table_lines
};

struct TableCell {
  std::string text;      // printable
  Tone tone = Tone::plain;
};

struct Table {
  std::vector<TableColumn> columns;            // the first one names the row and is never left out
  std::vector<std::vector<TableCell>> rows;    // as many cells as columns
};

// Lines of at most options.width columns. Where they are too long, columns of importance 0 and 1 go first; then each row's name
// gets a line of its own; then further columns go, the least important first. What was left out is named below the table.
std::vector<std::string> table_lines(const Table& table, const RenderOptions& options);

}  // namespace kvdiff
