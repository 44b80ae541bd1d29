#include "harness/diagnose/walk.h"

namespace kvdiff {
namespace {

Patch patch_of_tokens(PatchKind kind, const Subject& subject, const TokenRangeScore& range) {
  Patch patch = patch_of(kind, quantized_parts(subject.spec, subject.layers));
  for (PatchPart& part : patch.parts) part.tokens = {{range.first, range.last}};
  return patch;
}

// Those that have tokens.
std::vector<TokenRangeScore> ranges_of(const Material& material, const TrialWindow& window) {
  const int64_t sinks = std::min(ReadError::sink_tokens, material.prompt), end = material.prompt + window.end() - 1;
  std::vector<TokenRangeScore> ranges = {{"sinks", 0, sinks - 1, {}, {}},
                                         {"prompt", sinks, material.prompt - 1, {}, {}},
                                         {"generated", material.prompt, end - 1, {}, {}}};
  std::erase_if(ranges, [](const TokenRangeScore& one) { return one.last < one.first; });
  return ranges;
}

}  // namespace

void ask_token_ranges(Walk& walk) {
  std::vector<TokenRangeScore>& ranges = walk.result.token_ranges;
  ranges = ranges_of(walk.material, walk.trials.window());
  std::vector<Trial> asked;
  for (const TokenRangeScore& one : ranges)
    for (const PatchKind kind : {PatchKind::exempt, PatchKind::withhold}) asked.push_back({walk.subject.spec, patch_of_tokens(kind, walk.subject, one)});
  const auto answers = walk.trials.ask(asked);
  for (size_t i = 0; i < answers.size(); ++i)
    if (answers[i]) (i % 2 == 0 ? ranges[i / 2].exempt : ranges[i / 2].withheld) = 1 - answers[i]->kld / walk.subject.kld;
  if (!answers.empty() && !answers.back()) walk.result.left_to_try.push_back("ranges of tokens in full precision");
}

}  // namespace kvdiff
