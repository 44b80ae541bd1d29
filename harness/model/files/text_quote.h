#pragma once
#include <string>
#include <string_view>

namespace kvdiff {

// A name from a foreign file, fit for a message: in single quotes, control characters and bytes that are no UTF-8 as
// \xNN (so that no file can send escape sequences to a terminal), cut after `longest` bytes.
std::string quote_name(std::string_view text, size_t longest = 80);

}  // namespace kvdiff
