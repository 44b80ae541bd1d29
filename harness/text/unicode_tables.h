#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace kvdiff {

// One class of code points as alternating numbers: how many code points are skipped, how many belong to the class.
struct UnicodeClassTable {
  std::string_view name;
  std::span<const uint32_t> gaps_and_lengths;
};

// The code points first, first + step, ... (count of them) have the lowercase code point "itself + delta".
// U+0130, the only one with two lowercase code points, is left to the reader of the table.
struct LowercaseRun {
  uint32_t first;
  uint32_t count;
  uint32_t step;
  int32_t delta;
};

// Package and version that the tables were taken from.
std::string_view unicode_tables_source();

// General categories but Cn (Lu, Ll, ...) and scripts (Han, ...) as in the regular expressions of Split and Replace.
std::span<const UnicodeClassTable> unicode_category_tables();

// regex_space, regex_word: what \s and \w mean in those regular expressions; numeric, whitespace, word, punctuation:
// what the pre-tokenizers Digits, WhitespaceSplit, Whitespace and Punctuation go by, and added tokens; combining_mark:
// what StripAccents removes; normalization_inert: what NFC, NFD, NFKC and NFKD leave alone although newer Unicode
// versions decompose or reorder it.
std::span<const UnicodeClassTable> unicode_property_tables();

std::span<const LowercaseRun> lowercase_runs();

}  // namespace kvdiff
