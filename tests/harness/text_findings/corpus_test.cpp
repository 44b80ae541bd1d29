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

// What is reached today, to keep it from getting worse. The weights are trained on all sets but the last. What to expect of a text
// that they were not trained on: the last case, ./x gibberish --leave-set-out, and corpus/README.md.
TEST_CASE("gibberish in labelled texts: kind and onset, on the first set", "[text_findings][corpus]") {
  check_half("tuning", 166.0 / 174, 80.0 / 86);
  check_half("held_out", 179.0 / 184, 63.0 / 75);
}

TEST_CASE("gibberish in labelled texts: kind and onset, on the second and the third set", "[text_findings][corpus]") {
  check_half("fresh", 137.0 / 139, 65.0 / 74);
  check_half("more", 179.0 / 181, 57.0 / 62);
}

TEST_CASE("gibberish in labelled texts: kind and onset, on the sets that were blind at first", "[text_findings][corpus]") {
  check_half("blind", 226.0 / 238, 87.0 / 103);
  check_half("blind2", 233.0 / 254, 93.0 / 102);
  check_half("blind3", 244.0 / 256, 104.0 / 118);
}

// Not trained on. The aim of 95 % of kinds is missed; that of 90 % of onsets is met.
TEST_CASE("gibberish in labelled texts: kind and onset, on the set that is not trained on", "[text_findings][corpus]") {
  check_half("blind4", 237.0 / 254, 90.0 / 99);
}
