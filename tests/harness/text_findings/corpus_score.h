#pragma once
#include <map>
#include <string>
#include <vector>

#include "tests/harness/text_findings/corpus.h"

namespace kvdiff::test {

// One text of corpus/, what may be said of it, and what the detector says.
struct Judged {
  std::string id, half;
  std::vector<std::pair<std::string, int64_t>> right;  // kind and onset, the most striking first
  GibberishFinding found;

  bool kind_right() const;
  bool first_choice() const;              // the kind that the reader named first
  bool onset_right(int64_t within) const;  // where kind_right(): no further than so many tokens from the label
};

Judged judge(const LabelledText& one, const GibberishRules& rules);

// Everything that carries a label, in the order of the file.
std::vector<Judged> judge_corpus(const GibberishRules& rules = {});

struct CorpusScore {
  int texts = 0, right = 0, first_choice = 0;  // `right`: of the right kind
  int found = 0, onset_right = 0;              // gibberish of the right kind, and with an onset within 8 tokens of the label's
  std::map<std::string, std::map<std::string, int>> confusion;  // [label][detector]
  double share_right() const { return static_cast<double>(right) / texts; }
  double share_onset() const { return static_cast<double>(onset_right) / found; }
};
// `half`: empty for all texts.
CorpusScore score_of(const std::vector<Judged>& judged, const std::string& half);

}  // namespace kvdiff::test
