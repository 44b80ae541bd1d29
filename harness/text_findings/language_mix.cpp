#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "harness/text_findings/kinds.h"
#include "harness/text_findings/languages.h"

namespace kvdiff {
namespace {

constexpr size_t letters_at_once = 32, letters_needed = 20;  // another script: so many of so many letters
constexpr size_t words_at_once = 20, words_needed = 6, different_words = 4;  // another language: function words

int64_t token_at(const GeneratedText& text, size_t byte) {
  size_t length = 0;
  for (int64_t i = 0; i < count(text); ++i) {
    length += text.pieces[static_cast<size_t>(i)].size();
    if (length > byte) return i;
  }
  return count(text);
}

GibberishFinding finding_at(const GeneratedText& text, size_t byte, std::string evidence) {
  GibberishFinding finding;
  finding.kind = GibberishKind::language_mix;
  finding.onset = token_at(text, byte);
  finding.evidence = std::move(evidence);
  return finding;
}

std::array<bool, script_count> scripts_of(const Expected& expected) {
  std::array<bool, script_count> known = {true};
  for (const std::string_view text : {expected.prompt, std::string_view(expected.reference)})
    for (const CountedLetter& letter : counted_letters(text)) known[static_cast<size_t>(letter.script)] = true;
  return known;
}

// Most of 32 letters in a row are of scripts that nobody expects here: a name or a saying in its own script is shorter.
std::optional<GibberishFinding> find_script(const GeneratedText& text, const std::string& bytes, const Expected& expected) {
  const std::vector<CountedLetter> letters = counted_letters(bytes);
  const std::array<bool, script_count> known = scripts_of(expected);
  const auto strange = [&](const CountedLetter& letter) { return !known[static_cast<size_t>(letter.script)]; };
  for (size_t first = 0; first + letters_at_once <= letters.size(); ++first) {
    const std::span<const CountedLetter> window = std::span(letters).subspan(first, letters_at_once);
    if (!strange(window[0])) continue;
    const auto found = static_cast<size_t>(std::count_if(window.begin(), window.end(), strange));
    if (found < letters_needed) continue;
    return finding_at(text, window[0].first_byte,
                      fmt::format("{} of {} letters in a row are of another script than prompt and reference ({} first)",
                                  found, letters_at_once, script_name(window[0].script)));
  }
  return std::nullopt;
}

struct Tally {
  std::array<size_t, language_count> words{};
  void add(uint32_t languages) {
    for (size_t i = 0; i < words.size(); ++i) words[i] += (languages >> i) & 1;
  }
};

// Languages that a text uses: of its function words a fifth and more are theirs.
uint32_t languages_in(std::string_view text) {
  Tally tally;
  const std::vector<CountedWord> words = counted_words(text);
  for (const CountedWord& word : words) tally.add(word.languages);
  uint32_t used = 0;
  const size_t largest = *std::max_element(tally.words.begin(), tally.words.end());
  for (size_t i = 0; i < tally.words.size(); ++i)
    if (tally.words[i] >= 2 && 2 * tally.words[i] >= largest) used |= 1u << i;
  return used;
}

// Letters in a formula, a path or a compound (Fe3O4, /de/, a-b) are no function words, nor is a single one beside a stop.
bool stands_alone(std::string_view text, const CountedWord& word) {
  const size_t end = word.first_byte + word.word.size();
  const char before = word.first_byte == 0 ? ' ' : text[word.first_byte - 1], after = end == text.size() ? ' ' : text[end];
  const auto blank = [](char c) { return c == ' ' || c == '\n'; };
  const auto joins = [](char c) { return (c >= '0' && c <= '9') || std::string_view("-/_=").find(c) != std::string_view::npos; };
  return word.word.size() == 1 ? blank(before) && blank(after) : !joins(before) && !joins(after);
}

std::vector<CountedWord> words_alone(std::string_view text) {
  std::vector<CountedWord> words = counted_words(text);
  for (CountedWord& word : words)
    if (!stands_alone(text, word)) word.languages = 0;
  return words;
}

// Function words of one strange language in a row of words, against those of the languages that are expected.
std::optional<GibberishFinding> find_language(const GeneratedText& text, const std::string& bytes, const Expected& expected) {
  const std::vector<CountedWord> words = words_alone(bytes);
  const uint32_t known = languages_in(expected.prompt) | languages_in(expected.reference);
  if (known == 0) return std::nullopt;
  for (size_t first = 0; first + words_at_once <= words.size(); ++first) {
    const uint32_t strange = words[first].languages & ~known;
    if (strange == 0 || (words[first].languages & known) != 0) continue;
    size_t own = 0, other = 0;
    std::set<std::string_view> different;
    Tally strangers;
    for (size_t i = first; i < first + words_at_once; ++i) {
      own += (words[i].languages & known) != 0;
      if (words[i].languages == 0 || (words[i].languages & known) != 0) continue;
      ++other;
      strangers.add(words[i].languages);
      different.insert(words[i].word);
    }
    if (other < words_needed || different.size() < different_words || other < 2 * own) continue;
    if (5 * *std::max_element(strangers.words.begin(), strangers.words.end()) < 3 * other) continue;  // a list of many languages
    const int language = __builtin_ctz(strange);
    return finding_at(text, words[first].first_byte,
                      fmt::format("of {} words in a row {} are function words of another language than those of prompt and "
                                  "reference ({} first), and {} of theirs", words_at_once, other, language_name(language), own));
  }
  return std::nullopt;
}

}  // namespace

std::optional<GibberishFinding> find_language_mix(const GeneratedText& text, const Expected& expected) {
  const std::string bytes = joined(text, 0, count(text));
  if (expected.prompt.empty() && expected.reference.empty()) return std::nullopt;
  const auto script = find_script(text, bytes, expected), language = find_language(text, bytes, expected);
  if (!script || (language && language->onset < script->onset)) return language;
  return script;
}

}  // namespace kvdiff
