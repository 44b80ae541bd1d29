#include "tests/harness/text_findings/corpus_score.h"

#include <algorithm>
#include <cstdlib>

namespace kvdiff::test {
namespace {

constexpr int64_t onset_tolerance = 8;

}  // namespace

bool Judged::kind_right() const {
  return std::any_of(right.begin(), right.end(), [&](const auto& one) { return one.first == name_of(found.kind); });
}

bool Judged::first_choice() const { return right[0].first == name_of(found.kind); }

bool Judged::onset_right(int64_t within) const {
  return std::any_of(right.begin(), right.end(), [&](const auto& one) {
    return one.first == name_of(found.kind) && std::abs(found.onset - one.second) <= within;
  });
}

Judged judge(const LabelledText& one, const GibberishRules& rules) {
  const GeneratedText text = one.text.generated();
  return {one.id, one.half, one.right,
          one.is_reference() ? find_gibberish(text, one.prompt, rules)
                             : detect_gibberish(one.reference.generated(), text, one.prompt, rules)};
}

std::vector<Judged> judge_corpus(const GibberishRules& rules) {
  std::vector<Judged> all;
  for (const LabelledText& one : read_corpus()) all.push_back(judge(one, rules));
  return all;
}

CorpusScore score_of(const std::vector<Judged>& judged, const std::string& half) {
  CorpusScore score;
  for (const Judged& one : judged) {
    if (!half.empty() && one.half != half) continue;
    ++score.texts;
    ++score.confusion[one.right[0].first][std::string(name_of(one.found.kind))];
    score.right += one.kind_right();
    score.first_choice += one.first_choice();
    if (!one.kind_right() || one.found.onset < 0) continue;
    ++score.found;
    score.onset_right += one.onset_right(onset_tolerance);
  }
  return score;
}

}  // namespace kvdiff::test
