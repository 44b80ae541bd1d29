#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvdiff {

// Texts to values, strict: the whole text or UserError(usage) "found ..., expected ...".
int64_t whole_number(std::string_view text, int64_t least);
uint64_t unsigned_number(std::string_view text);
double decimal_number(std::string_view text, double least, double most);  // finite, both ends included
bool truth(std::string_view text);                                        // "true", "false"
std::string_view one_of(std::string_view text, std::span<const std::string_view> choices);
std::pair<std::string, double> named_limit(std::string_view text);        // "METRIC=VALUE"

// The shortest text that decimal_number reads as the same value.
std::string number_text(double value);
// "'text'", on one line, cut where it is long.
std::string shown(std::string_view text);

}  // namespace kvdiff
