#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace kvdiff {

// Ids separated by commas or white space, with or without brackets around them. Each is 0 ... vocabulary_size - 1.
// Throws UserError(ExitCode::input) that lists the places (counted from 1) of what is no id, or out of range.
std::vector<int32_t> parse_token_ids(std::string_view text, int64_t vocabulary_size);

}  // namespace kvdiff
