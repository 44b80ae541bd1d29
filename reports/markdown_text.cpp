#include "reports/markdown_text.h"

#include "reports/text.h"

namespace kvdiff {

std::string markdown_text(std::string_view text) {
  std::string result;
  for (const Cell& cell : printable_cells(text, true)) {
    const bool is_markup = cell.text.size() == 1 && std::string_view("\\`*_[]<>#|~&").find(cell.text[0]) != std::string_view::npos;
    result += (is_markup ? "\\" : "") + cell.text;
  }
  return result;
}

}  // namespace kvdiff
