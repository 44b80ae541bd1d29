#pragma once
#include <span>
#include <string>
#include <string_view>

namespace kvdiff {

// The candidate with the fewest edits (insert, delete, replace) from `text`; the first of equals. Empty if there is none.
std::string_view nearest_match(std::string_view text, std::span<const std::string_view> candidates);
// "a, b, c": for messages that list what is legal.
std::string joined(std::span<const std::string_view> names);

}  // namespace kvdiff
