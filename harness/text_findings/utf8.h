#pragma once
#include <cstddef>
#include <optional>
#include <string_view>

namespace kvdiff {

// The first byte that is no part of a well-formed UTF-8 character (Unicode 15, table 3-7: no overlong forms, no surrogates,
// nothing above U+10FFFF). A character cut off by the end of the bytes is one, unless an incomplete end is allowed.
std::optional<size_t> first_invalid_utf8(std::string_view bytes, bool incomplete_end_allowed);

}  // namespace kvdiff
