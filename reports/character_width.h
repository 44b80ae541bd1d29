#pragma once
#include <cstdint>

namespace kvdiff {

// Columns that a character takes on a terminal: 0, 1 or 2 (Unicode 14, East Asian Width, ambiguous counted narrow).
int character_width(char32_t character);

}  // namespace kvdiff
