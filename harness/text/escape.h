#pragma once
#include <string>
#include <string_view>

namespace kvdiff {

// For a terminal or a report: control characters, lone bytes and what turns the reading direction as \n, \xE2,
// \u{202E}; a backslash as two.
std::string escape_for_display(std::string_view bytes);

}  // namespace kvdiff
