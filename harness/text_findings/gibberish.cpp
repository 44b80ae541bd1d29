#include "harness/text_findings/gibberish.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "cache_backends/error.h"
#include "harness/text_findings/kinds.h"

namespace kvdiff {

namespace {

bool is_stuck(GibberishKind kind) {
  return kind == GibberishKind::loop || kind == GibberishKind::stuck_token || kind == GibberishKind::repetition;
}

bool same_way(GibberishKind a, GibberishKind b) { return a == b || (is_stuck(a) && is_stuck(b)); }

void check(const GeneratedText& text) {
  if (text.tokens.size() != text.pieces.size())
    throw InternalError(fmt::format("{} tokens with {} pieces of text", text.tokens.size(), text.pieces.size()));
  if (!text.nll.empty() && text.nll.size() != text.tokens.size())
    throw InternalError(fmt::format("{} tokens with {} log-probabilities", text.tokens.size(), text.nll.size()));
}

// How much earlier than something else a finding must set in to be what the reader sees: salad in front of a loop must be
// long enough to be read, and a loop is repetition, too, and says more. Wrong bytes within salad are a part of it: salad
// may then set in a little later.
int64_t lead(const GibberishFinding& finding, const GibberishFinding& other, const GibberishRules& rules) {
  if (finding.kind == GibberishKind::repetition) return other.kind == GibberishKind::word_salad ? 0 : rules.salad_tokens;
  if (finding.kind != GibberishKind::word_salad) return 0;
  if (other.kind == GibberishKind::invalid_utf8) return -rules.salad_tokens / 2;
  return is_stuck(other.kind) ? rules.salad_tokens : 1;
}

// The finding that sets in first, taken out of the list.
GibberishFinding take_first(std::vector<GibberishFinding>& all, const GibberishRules& rules) {
  size_t first = 0;
  for (size_t i = 1; i < all.size(); ++i)
    if (all[i].onset + lead(all[i], all[first], rules) < all[first].onset + lead(all[first], all[i], rules)) first = i;
  GibberishFinding found = std::move(all[first]);
  all.erase(all.begin() + static_cast<std::ptrdiff_t>(first));
  return found;
}

// Too few tokens have nothing around them.
bool is_scored(const GeneratedText& text) {
  constexpr size_t fewest = 8;
  return text.nll.size() >= fewest && std::all_of(text.nll.begin(), text.nll.end(), [](double nll) { return std::isfinite(nll); });
}

// Repetition that is little else than a loop, which sets in later.
bool is_that_loop(const GibberishFinding& repetition, const GibberishFinding& loop, int64_t tokens, const GibberishRules& rules) {
  const auto length = static_cast<double>(loop.turns * loop.period);
  return loop.onset > repetition.onset && length >= rules.loop_share * static_cast<double>(tokens - repetition.onset);
}

// All kinds that are found.
std::vector<GibberishFinding> all_findings(const GeneratedText& text, std::span<const double> reference_nll,
                                           const Expected& expected, const GibberishRules& rules) {
  check(text);
  if (const auto finding = find_empty(text)) return {*finding};
  std::vector<GibberishFinding> all;
  const auto loop = find_loop(text, rules);
  const bool scored = is_scored(text);
  const auto stretches = scored ? labelled_stretches(labelling_features(text, rules), rules.labelling)
                                : std::vector<LabelledStretch>{};
  auto repetition = scored ? find_repetition(text, stretches, rules) : find_repetition(text, rules);
  if (loop && repetition && is_that_loop(*repetition, *loop, count(text), rules)) repetition.reset();
  for (const auto& finding : {loop, find_invalid_utf8(text), find_language_mix(text, expected), find_salad(text, stretches, reference_nll, rules), repetition})
    if (finding) all.push_back(*finding);
  return all;
}

}  // namespace

std::string_view name_of(GibberishKind kind) {
  switch (kind) {
    case GibberishKind::none: return "none";
    case GibberishKind::loop: return "loop";
    case GibberishKind::repetition: return "repetition";
    case GibberishKind::stuck_token: return "stuck_token";
    case GibberishKind::word_salad: return "word_salad";
    case GibberishKind::language_mix: return "language_mix";
    case GibberishKind::invalid_utf8: return "invalid_utf8";
    case GibberishKind::empty: return "empty";
  }
  throw InternalError("a kind of gibberish that has no name");
}

GibberishFinding find_gibberish(const GeneratedText& text, std::string_view prompt, const GibberishRules& rules) {
  std::vector<GibberishFinding> all = all_findings(text, text.nll, {prompt, ""}, rules);
  return all.empty() ? GibberishFinding{} : take_first(all, rules);
}

GibberishFinding detect_gibberish(const GeneratedText& reference, const GeneratedText& candidate,
                                  std::string_view prompt, const GibberishRules& rules) {
  check(reference);
  const Expected expected{prompt, joined(reference, 0, count(reference))};
  GibberishFinding excused;
  const GibberishFinding own = find_gibberish(reference, prompt, rules);
  for (auto all = all_findings(candidate, reference.nll, expected, rules); !all.empty();) {
    GibberishFinding found = take_first(all, rules);
    if (own.kind == GibberishKind::none || !same_way(own.kind, found.kind)) return found;
    if (own.onset > found.onset + rules.reference_slack) {
      found.evidence += fmt::format("; the reference begins only at token {}", own.onset);
      return found;
    }
    if (excused.reference_too) continue;
    excused.reference_too = true;
    excused.evidence = fmt::format("{} from token {}, but the reference does the same from token {}", name_of(found.kind),
                                   found.onset, own.onset);
  }
  return excused;
}

}  // namespace kvdiff
