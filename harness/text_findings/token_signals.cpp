#include "harness/text_findings/token_signals.h"

#include <set>

#include "harness/text_findings/adds.h"
#include "harness/text_findings/kinds.h"
#include "harness/text_findings/loops.h"
#include "harness/text_findings/salad_features.h"
#include "harness/text_findings/surprise.h"

namespace kvdiff {
namespace {

bool in_word(char c) { return static_cast<unsigned char>(c) >= 0x80 || c == '\'' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); }

// Calls take(token, word in lower case) for each run of letters and apostrophes.
template <class Take>
void each_word(const GeneratedText& text, const Take& take) {
  const std::string bytes = joined(text, 0, count(text));
  size_t token = 0, end = text.pieces.empty() ? 0 : text.pieces[0].size();
  for (size_t i = 0; i < bytes.size();) {
    const size_t first = i;
    while (i < bytes.size() && in_word(bytes[i])) ++i;
    if (i == first) {
      ++i;
      continue;
    }
    while (end <= first) end += text.pieces[++token].size();
    std::string word = bytes.substr(first, i - first);
    for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    take(token, word);
  }
}

bool is_no_word(const std::string& word) {
  if (word.size() == 1) return word != "a" && word != "i";
  return std::none_of(word.begin(), word.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x80 || std::string_view("aeiouy").find(c) != std::string_view::npos;
  });
}

void add_words(TokenSignals& signals, const GeneratedText& text) {
  constexpr size_t stem = 6;
  signals.word_news = signals.no_word = Column(text.tokens.size(), 0);
  std::set<std::string> seen;
  each_word(text, [&](size_t token, const std::string& word) {
    if (seen.insert(word.substr(0, stem)).second) signals.word_news[token] = 1;
    if (is_no_word(word)) signals.no_word[token] = 1;
  });
}

void add_repeats(TokenSignals& signals, const GeneratedText& text, const GibberishRules& rules) {
  const WhatIsAdded added = what_is_added(text, rules);
  const auto where = [&](Adds one) { return column(added.adds.size(), [&](size_t i) { return added.adds[i] == one ? 1 : 0; }); };
  signals.data = added.data;
  signals.said = where(Adds::said), signals.order = where(Adds::order), signals.news = where(Adds::news);
  signals.loop = signals.pair = Column(text.tokens.size(), 0);
  each_loop(text.tokens, [&](const Loop& loop) {
    if (loop.tokens() >= std::max<int64_t>(8, 3 * loop.period))
      std::fill(signals.loop.begin() + loop.first + loop.period, signals.loop.begin() + loop.end, 1);
  });
  signals.same = column(text.tokens.size(), [&](size_t i) { return i > 0 && text.tokens[i] == text.tokens[i - 1] ? 1 : 0; });
  std::set<std::pair<int32_t, int32_t>> seen;
  for (size_t i = 1; i < text.tokens.size(); ++i) {
    if (seen.emplace(text.tokens[i - 1], text.tokens[i]).second) continue;
    signals.pair[i] = 1;
    signals.pair[i - 1] = std::max(signals.pair[i - 1], 0.5);
  }
}

void add_scores(TokenSignals& signals, const GeneratedText& text, const GibberishRules& rules) {
  const std::vector<SaladFeatures> features = salad_features(text);
  for (size_t j = 0; j < salad_feature_count; ++j)
    signals.forms.push_back(column(features.size(), [&](size_t i) { return features[i][j]; }));
  signals.nll = column(text.nll.size(), [&](size_t i) { return std::min(text.nll[i], largest_nll); });
  const std::vector<bool> counts = salad_counts(text);
  signals.counts = column(counts.size(), [&](size_t i) { return counts[i] ? 1 : 0; });
  signals.salad = salad_scores(text, rules);
  Surprise surprise = surprise_of(text);
  signals.left = std::move(surprise.left), signals.worth = std::move(surprise.worth);
}

}  // namespace

TokenSignals token_signals(const GeneratedText& text, const GibberishRules& rules) {
  TokenSignals signals;
  add_scores(signals, text, rules);
  add_repeats(signals, text, rules);
  add_words(signals, text);
  return signals;
}

}  // namespace kvdiff
