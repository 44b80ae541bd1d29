// kvdiff_gibberish_score [--texts HALF | --cross-validate | --leave-set-out | --fit]: how often the detector of gibberish is right on the
// labelled texts, by half. --texts: every text of that half (tuning, held_out, fresh, more, blind, blind2, blind3, blind4) on which it is wrong, too.
// --cross-validate, --leave-set-out: the same with rules that were made without a fifth of the prompts, or without the set,
// that the text is of. --fit: the weights of word salad (gibberish.h), and those of the labels (labelling_weights.cpp).
#include <fmt/format.h>

#include "tests/harness/text_findings/corpus_score.h"
#include "tests/harness/text_findings/left_out.h"

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

void print_weights(const GibberishRules& rules) {
  fmt::print("double salad_intercept = {:.2f};\nsalad_weights = {{", rules.salad_intercept);
  for (size_t i = 0; i < rules.salad_weights.size(); ++i) fmt::print("{}{:.2f}", i == 0 ? "" : ", ", rules.salad_weights[i]);
  fmt::print("}}\n");
}

void print_labelling(const LabellingWeights& weights) {
  fmt::print("      {{\n");
  for (const TokenWeight& one : weights.token) fmt::print("          {{\"{}\", {:.5g}, {:.5g}}},\n", one.feature, one.salad, one.stuck);
  fmt::print("      }},\n      {{\n");
  for (const StartWeight& one : weights.start)
    fmt::print("          {{\"{}\", {:.5g}, {:.5g}, {:.5g}}},\n", one.feature, one.salad, one.stuck, one.stuck_behind_salad);
  fmt::print("      }},\n      {:.5g}, {:.5g}, {:.5g}}};\n", weights.sound_behind_salad, weights.sound_behind_stuck, weights.salad_behind_stuck);
}

// All texts, or those of `half`, with every text on which the detector is wrong.
void print_judged(const std::vector<Judged>& judged, const std::string& half) {
  for (const std::string one : {"tuning", "held_out", "fresh", "more", "blind", "blind2", "blind3", "blind4"})
    if ((half.empty() || half == one) && score_of(judged, one).texts > 0) print_score(one, score_of(judged, one));
  if (half.empty()) return print_score("all", score_of(judged, ""));
  for (const Judged& one : judged)
    if (one.half == half && (!one.kind_right() || (one.found.onset >= 0 && !one.onset_right(8)))) print_wrong(one);
}

}  // namespace

int main(int count, char** words) {
  const std::string task = count > 1 ? words[1] : "";
  std::vector<LabelledText> corpus = read_corpus();
  std::erase_if(corpus, [](const LabelledText& text) { return !may_be_tuned_on(text); });
  if (task == "--fit") {
    std::vector<const LabelledText*> all;
    for (const LabelledText& one : corpus) all.push_back(&one);
    const GibberishRules rules = fitted(all);
    print_weights(rules);
    print_labelling(rules.labelling);
    return 0;
  }
  if (task == "--cross-validate") {
    fmt::print("five-fold over the prompts: each text is judged by rules that were made without its fifth\n");
    return print_judged(cross_validated(corpus), ""), 0;
  }
  if (task == "--leave-set-out") {
    fmt::print("each text is judged by rules that were made without its set (tuning and held_out are one)\n");
    return print_judged(leave_set_out(corpus), ""), 0;
  }
  print_judged(judge_corpus(), task == "--texts" && count > 2 ? words[2] : "");
}
