#pragma once
#include <string_view>

namespace kvdiff {

// To standard output, at once. A reader that has gone away (`| head`) is no error: what it does not read is dropped.
// Throws UserError(io) for everything else, a full disk for one.
void print(std::string_view text);

}  // namespace kvdiff
