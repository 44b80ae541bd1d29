#pragma once
#include <span>
#include <string_view>

#include "cache_backends/error.h"

namespace kvdiff {

// Of several at once, the one that the program ends with: 70, 74, 75, 4, 2, 3, 8, 6, 1, 7, 5, 0 in this order.
// passed when there are none.
ExitCode most_urgent(std::span<const ExitCode> codes);

// In words, for reports and help: "regression or divergence beyond limits".
std::string_view meaning_of(ExitCode code);

// The code for a number that a report carries. Throws UserError(input) for a number that is none of them.
ExitCode exit_code_of(int number);

}  // namespace kvdiff
