#include "harness/text_findings/salad_features.h"

#include <algorithm>

#include "harness/text_findings/kinds.h"
#include "harness/text_findings/languages.h"

namespace kvdiff {
namespace {

constexpr int forms = 7;
enum Form { blank, punctuation, digit, everyday, rarer, beginning, rest };

constexpr int32_t everyday_ids = 1500;  // byte pair encoding gives ids in the order of frequency, roughly
constexpr int64_t look_back = 32;
constexpr uint32_t english = 1;

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_letter(char c) { return static_cast<unsigned char>(c) >= 0x80 || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); }

// A first letter, and whether it goes on with the word of the token before.
Form form_of(std::string_view piece, bool behind_letter, int32_t id) {
  const auto first = std::find_if_not(piece.begin(), piece.end(), is_space);
  if (first == piece.end()) return blank;
  if (*first >= '0' && *first <= '9') return digit;
  if (!is_letter(*first)) return punctuation;
  if (first == piece.begin() && behind_letter) return rest;
  return id < everyday_ids ? everyday : rarer;
}

std::vector<Form> forms_of(const GeneratedText& text) {
  std::vector<Form> all;
  for (size_t i = 0; i < text.pieces.size(); ++i) {
    const bool behind_letter = i > 0 && !text.pieces[i - 1].empty() && is_letter(text.pieces[i - 1].back());
    all.push_back(form_of(text.pieces[i], behind_letter, text.tokens[i]));
    if (all[i] == rest && all[i - 1] != rest) all[i - 1] = all[i - 1] >= everyday ? beginning : all[i - 1];
  }
  return all;
}

// Which tokens begin an English function word.
std::vector<bool> function_words(const GeneratedText& text) {
  const std::string bytes = joined(text, 0, count(text));
  const std::vector<CountedWord> words = counted_words(bytes);
  std::vector<bool> begins(text.pieces.size(), false);
  size_t word = 0, end = 0;
  for (size_t i = 0; i < text.pieces.size(); ++i) {
    end += text.pieces[i].size();
    for (; word < words.size() && words[word].first_byte < end; ++word)
      if ((words[word].languages & english) != 0) begins[i] = true;
  }
  return begins;
}

bool stood_before(const GeneratedText& text, size_t i) {
  const auto at = text.tokens.begin() + static_cast<std::ptrdiff_t>(i);
  const auto first = text.tokens.begin() + std::max<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(i) - look_back);
  return std::find(first, at, *at) != at;
}

}  // namespace

std::vector<SaladFeatures> salad_features(const GeneratedText& text) {
  const std::vector<Form> form = forms_of(text);
  const std::vector<bool> function_word = function_words(text);
  std::vector<SaladFeatures> all;
  for (size_t i = 0; i < form.size(); ++i) {
    const double nll = std::min(text.nll[i], largest_nll);
    SaladFeatures one{};
    if (form[i] != blank) one[static_cast<size_t>(form[i] - 1)] = 1;
    one[static_cast<size_t>(forms - 1 + form[i])] = nll;
    const size_t more = 2 * forms - 1;
    one[more] = nll < 1;
    one[more + 1] = nll > 5;
    one[more + 2] = stood_before(text, i);
    one[more + 3] = function_word[i];
    one[more + 4] = function_word[i] ? nll : 0;
    all.push_back(one);
  }
  return all;
}

std::vector<bool> salad_counts(const GeneratedText& text) {
  std::vector<bool> counts;
  for (size_t i = 0; i < text.tokens.size(); ++i) counts.push_back(i == 0 || text.tokens[i] != text.tokens[i - 1]);
  return counts;
}

std::vector<double> salad_scores(const GeneratedText& text, const GibberishRules& rules) {
  std::vector<double> scores;
  for (const SaladFeatures& features : salad_features(text)) {
    double score = rules.salad_intercept;
    for (size_t i = 0; i < features.size(); ++i) score += rules.salad_weights[i] * features[i];
    scores.push_back(score);
  }
  return scores;
}

}  // namespace kvdiff
