#pragma once
#include <string>
#include <utility>
#include <vector>

#include "harness/text_findings/gibberish.h"

namespace kvdiff::test {

struct CorpusText {
  std::vector<int32_t> tokens;
  std::vector<std::string> pieces;
  std::vector<double> nll;
  bool ended = false;
  GeneratedText generated() const { return {tokens, pieces, ended, nll}; }
};

// One text of corpus/, what may be said of it, and what stands beside it.
struct LabelledText {
  std::string id, half, prompt_name, prompt;  // half: tuning, held_out, fresh, more, blind, blind2, blind3, blind4
  std::vector<std::pair<std::string, int64_t>> right;  // kind and onset, the most striking first
  std::vector<std::vector<std::pair<std::string, int64_t>>> alone;  // stretches of the text by itself, each with all it may be called
  CorpusText text, reference;
  bool is_reference() const { return id == prompt_name + " reference"; }
};

// The half `blind4` is there to be met, never to be tuned on.
inline bool may_be_tuned_on(const LabelledText& text) { return text.half != "blind4"; }

// Everything that carries a label, in the order of the files.
std::vector<LabelledText> read_corpus();

}  // namespace kvdiff::test
