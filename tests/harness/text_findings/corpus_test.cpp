#include "tests/harness/text_findings/corpus_score.h"

#include <fmt/format.h>

#include "tests/catch.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

// Fails with every text on which the detector is wrong.
void check_half(const std::string& half, double share_right, double share_onset) {
  const std::vector<Judged> judged = judge_corpus();
  const CorpusScore score = score_of(judged, half);
  std::string wrong;
  for (const Judged& one : judged)
    if (one.half == half && !one.kind_right())
      wrong += fmt::format("{}: {} from {}, {}\n", one.id, name_of(one.found.kind), one.found.onset, one.found.evidence);
  INFO(half << ": " << score.right << " of " << score.texts << " right, onset in " << score.onset_right << " of " << score.found << "\n" << wrong);
  REQUIRE(score.texts >= 100);
  CHECK(score.share_right() >= share_right);
  CHECK(score.share_onset() >= share_onset);
}

}  // namespace

// On the texts that it was made with: what is reached today, to keep it from getting worse. What to expect of a text that it
// was not made with is another figure: ./x gibberish --leave-set-out, and corpus/README.md.
TEST_CASE("gibberish in labelled texts: kind and onset, on the first set", "[text_findings][corpus]") {
  check_half("tuning", 165.0 / 174, 78.0 / 86);
  check_half("held_out", 176.0 / 184, 70.0 / 73);
}

TEST_CASE("gibberish in labelled texts: kind and onset, on the second and the third set", "[text_findings][corpus]") {
  check_half("fresh", 134.0 / 139, 66.0 / 71);
  check_half("more", 173.0 / 181, 54.0 / 59);
}

// Met once before anything was tuned on it: 220 of 238 and 83 of 99.
TEST_CASE("gibberish in labelled texts: kind and onset, on the set that was blind at first", "[text_findings][corpus]") {
  check_half("blind", 221.0 / 238, 85.0 / 99);
}

// Met once, and not tuned on. The aim, 95 % of kinds, is missed; 90 % of onsets is met.
TEST_CASE("gibberish in labelled texts: kind and onset, on the set that is blind", "[text_findings][corpus]") {
  check_half("blind2", 224.0 / 254, 90.0 / 100);
}
