// kvdiff_gibberish_score [--texts HALF]: how often the detector of gibberish is right on the labelled texts, by half. With
// --texts every text of that half (tuning, held_out, fresh) on which it is wrong, too.
#include <fmt/format.h>

#include "tests/harness/text_findings/corpus_score.h"

namespace {

using namespace kvdiff;
using namespace kvdiff::test;

void print_score(const std::string& half, const CorpusScore& score) {
  fmt::print("{}: {} of {} texts right ({:.1f} %), {} as the reader's first word; onset within 8 tokens in {} of {} ({:.1f} %)\n", half,
             score.right, score.texts, 100 * score.share_right(), score.first_choice, score.onset_right, score.found,
             100 * score.share_onset());
  for (const auto& [label, row] : score.confusion) {
    fmt::print("  {:13}", label);
    for (const auto& [found, times] : row) fmt::print(" {} {}", times, found);
    fmt::print("\n");
  }
}

void print_wrong(const Judged& one) {
  std::string right;
  for (const auto& [kind, onset] : one.right) right += fmt::format("{} {}  ", kind, onset);
  fmt::print("  {}\n    right: {}\n    found: {} {} {}\n", one.id, right, name_of(one.found.kind), one.found.onset, one.found.evidence);
}

}  // namespace

int main(int count, char** words) {
  const std::vector<Judged> judged = judge_corpus();
  for (const std::string half : {"tuning", "held_out", "fresh"}) {
    const bool only = count > 2 && std::string(words[1]) == "--texts";
    if (only && half != words[2]) continue;
    print_score(half, score_of(judged, half));
    for (const Judged& one : judged)
      if (only && one.half == half && (!one.kind_right() || (one.found.onset >= 0 && !one.onset_right(8)))) print_wrong(one);
  }
}
