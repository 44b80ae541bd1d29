#include "reports/character_width.h"

#include <algorithm>
#include <iterator>

namespace kvdiff {
namespace {

struct Range {
  char32_t first, last;
};

#include "reports/character_width_tables.inc"

template <size_t n>
bool contains(const Range (&ranges)[n], char32_t character) {
  const auto* after = std::upper_bound(std::begin(ranges), std::end(ranges), character,
                                       [](char32_t c, const Range& range) { return c < range.first; });
  return after != std::begin(ranges) && character <= std::prev(after)->last;
}

}  // namespace

int character_width(char32_t character) {
  if (character < 0x300) return 1;
  if (contains(zero_width, character)) return 0;
  return contains(wide, character) ? 2 : 1;
}

}  // namespace kvdiff
