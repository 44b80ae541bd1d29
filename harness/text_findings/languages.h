#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace kvdiff {

// Words of a text, and in which languages each is a function word (articles, pronouns, prepositions): one bit per
// language, English is bit 0. A word that two languages share counts for both.
struct CountedWord {
  size_t first_byte = 0;
  std::string_view word;  // as it stands in the text
  uint32_t languages = 0;
};
std::vector<CountedWord> counted_words(std::string_view text);

constexpr int language_count = 10;
std::string_view language_name(int language);

// Letters of a text by script: 0 is Latin (expected everywhere), then those of unicode_tables.h, the last one any other.
struct CountedLetter {
  size_t first_byte = 0;
  int script = 0;
};
std::vector<CountedLetter> counted_letters(std::string_view text);
std::string_view script_name(int script);
constexpr int script_count = 12;

}  // namespace kvdiff
