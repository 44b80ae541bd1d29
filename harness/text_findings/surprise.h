#pragma once
#include "harness/text_findings/columns.h"
#include "harness/text_findings/gibberish.h"

// What the text so far leaves of the surprise that a token is worth by its rarity alone. A token is worth the more the rarer it
// is, by Zipf's law on its rank: p(rank r) = 1 / (r ln V), so worth = ln(id + 1) + 2.4, with ln ln V = 2.4 for vocabularies
// of 30 thousand to 200 thousand tokens. Words drawn at random leave most of it.
namespace kvdiff {

struct Surprise {
  Column left, worth;  // nats; of each token
  double share(int64_t first, int64_t end) const;
};

// `text` must be scored. A piece that is no UTF-8 by itself leaves 45 % of its worth, whatever the reference says.
Surprise surprise_of(const GeneratedText& text);

}  // namespace kvdiff
