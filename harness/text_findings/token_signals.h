#pragma once
#include "harness/text_findings/columns.h"
#include "harness/text_findings/gibberish.h"

// What can be said of each token of a scored text; labelling_features.h makes features of it.
namespace kvdiff {

struct TokenSignals {
  std::vector<Column> forms;                // salad_features.h, one column each
  Column nll;                               // clipped there
  Column counts, salad;                     // salad_counts, salad_scores
  Column left, worth;                       // surprise.h
  Column said, order, news;                 // adds.h
  Column loop;                              // in the second or a later turn of a loop of 3 turns and 8 tokens
  Column same;                              // as the token before
  Column pair;                              // 1: it stood behind the same token before; 0.5: it is that token
  Column word_news;                         // a word begins that did not stand before (by its first 6 bytes)
  Column no_word;                           // a word begins that has one letter (but a, i) or no vowel
  bool data = false;
  size_t tokens() const { return nll.size(); }
};

TokenSignals token_signals(const GeneratedText& text, const GibberishRules& rules);

}  // namespace kvdiff
