#pragma once
#include <string>
#include <string_view>

namespace kvdiff {

// Text of a model or of a user, visible, and no character of it is Markdown or HTML: for prose and for a table's cell.
std::string markdown_text(std::string_view text);

}  // namespace kvdiff
