#include "harness/diagnose/token_places.h"

#include <fmt/format.h>

#include "harness/diagnose/walk.h"
#include "harness/lifecycle/tape.h"

namespace kvdiff {
namespace {

constexpr size_t most_flushes = 3;  // told one by one; later ones are one row

bool add_range(std::vector<TokenScore>& scores, std::string name, TokenRange tokens) {
  if (tokens.first > tokens.second) return false;
  for (const TokenScore& one : scores)
    if (one.tokens == tokens) return false;
  scores.push_back({std::move(name), tokens, {}, {}});
  return true;
}

std::vector<TokenScore> ranges_of(const Walk& walk, const Part& part) {
  const int64_t prompt = walk.material.prompt, last = walk.material.tokens - 1;
  const std::vector<TokenRange> flushes = flushes_of(walk.subject.spec, walk.material, part);
  std::vector<TokenScore> scores;
  if (flushes.empty()) return scores;
  const bool one_flush = flushes[0] == TokenRange{0, prompt - 1};
  add_range(scores, "the first token", {0, 0});
  if (prompt > 4) add_range(scores, "the first 4 tokens", {0, 3});
  add_range(scores, one_flush ? "the prompt (flush 0)" : "the prompt", {0, prompt - 1});
  if (flushes.back().second >= prompt) add_range(scores, "the generated tokens", {prompt, last});
  for (size_t i = 0; i < flushes.size() && i < most_flushes; ++i) add_range(scores, fmt::format("flush {}", i), flushes[i]);
  if (flushes.size() == most_flushes + 1) add_range(scores, fmt::format("flush {}", most_flushes), flushes.back());
  if (flushes.size() > most_flushes + 1)
    add_range(scores, fmt::format("flush {} to {}", most_flushes, flushes.size() - 1), {flushes[most_flushes].first, flushes.back().second});
  return scores;
}

// The patch that leaves nothing quantized but these tokens of these sides.
Patch all_but(const Walk& walk, const Parts& asked, const TokenRange& tokens) {
  Patch patch{PatchKind::exempt, {}};
  for (const Part& part : quantized_parts(walk.subject.spec, walk.subject.layers)) {
    PatchPart exempt{part.layer, part.side, {}, {}, {}};
    if (std::find(asked.begin(), asked.end(), part) != asked.end()) {
      if (tokens.first > 0) exempt.tokens.emplace_back(0, tokens.first - 1);
      exempt.tokens.emplace_back(tokens.second + 1, walk.material.tokens + 1);
    }
    patch.parts.push_back(std::move(exempt));
  }
  return patch;
}

Patch exempting_tokens(const Parts& asked, const TokenRange& tokens) {
  Patch patch = patch_of(PatchKind::exempt, asked);
  for (PatchPart& part : patch.parts) part.tokens = {tokens};
  return patch;
}

}  // namespace

std::vector<TokenRange> flushes_of(const CacheSpec& spec, const Material& material, const Part& part) {
  const Tape tape{material.shape, material.prompt, material.tokens, material.tokens, material.key, material.value};
  const auto cache = make_cache(spec, material.shape);
  std::vector<TokenRange> flushes;
  int64_t seen = 0, end = 0;  // encodings, and the tokens that they covered
  for (int64_t update = 0; update < tape.updates(); ++update) {
    tape.append(*cache, update == 0 ? 0 : tape.prompt + update - 1, update == 0 ? tape.prompt : 1);
    const VisibleEncoding now = cache->visible_encoding(part.layer, part.side);
    if (now.count == seen) continue;
    const int64_t first = now.count == seen + 1 ? std::max(end, now.first) : end;  // several at once: all since the last
    seen = now.count;
    if (now.first + now.tokens > first) flushes.emplace_back(first, now.first + now.tokens - 1);
    end = std::max(end, now.first + now.tokens);
  }
  return flushes;
}

void find_tokens(Walk& walk) {
  TokenFinding& found = walk.result.tokens;
  found.everything = walk.result.place.set.diffuse;
  const Parts asked = found.everything ? quantized_parts(walk.subject.spec, walk.subject.layers) : walk.accused();
  found.scores = ranges_of(walk, asked.front());
  std::vector<Trial> trials;
  for (const TokenScore& one : found.scores) {
    trials.push_back({walk.subject.spec, exempting_tokens(asked, one.tokens)});
    trials.push_back({walk.subject.spec, all_but(walk, asked, one.tokens)});
  }
  const auto answers = walk.trials.ask(trials);
  for (size_t i = 0; i < answers.size(); ++i) {
    TokenScore& one = found.scores[i / 2];
    if (i % 2 == 0) one.recovery = walk.recovered(answers[i]);
    else one.alone = walk.makes(answers[i]);
  }
  if (!answers.empty() && !answers.back()) walk.result.left_to_try.push_back("token ranges of the accused sides: the first tokens, the prompt, each flush");
}

}  // namespace kvdiff
