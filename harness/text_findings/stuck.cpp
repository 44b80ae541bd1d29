#include <algorithm>
#include <fmt/format.h>

#include "harness/text_findings/kinds.h"
#include "harness/text_findings/loops.h"

namespace kvdiff {
namespace {

// A loop may be cut anywhere; a reader begins a turn with a line or sentence, if one begins early within it.
int64_t first_turn(const GeneratedText& text, const Loop& loop) {
  constexpr int64_t early = 6;
  for (int64_t i = loop.first; i < loop.first + std::min(loop.period, early + 1); ++i)
    if (begins_sentence(text, i)) return i;
  return loop.first;
}

}  // namespace

std::optional<GibberishFinding> find_loop(const GeneratedText& text, const GibberishRules& rules) {
  const auto enough = [&](const Loop& loop) {
    const auto bytes = static_cast<int64_t>(text.pieces[static_cast<size_t>(loop.first)].size());
    const bool stuck = loop.end + 2 >= count(text) && !text.ended;
    if (stuck && loop.period == 1 && loop.turns() >= 12 && bytes * loop.turns() >= 48) return true;
    const bool says = has_letter_or_digit(joined(text, loop.first, loop.first + loop.period));
    const int64_t halves = (says ? 1 : 2) * (stuck ? 2 : 3);
    return 2 * loop.tokens() >= halves * rules.loop_tokens && 2 * loop.turns() >= halves * rules.loop_turns;
  };
  const std::optional<Loop> found = first_loop(text.tokens, enough);
  if (!found) return std::nullopt;
  const Loop loop = {first_turn(text, *found), found->end, found->period};
  GibberishFinding finding;
  finding.kind = loop.period == 1 ? GibberishKind::stuck_token : GibberishKind::loop;
  finding.onset = loop.first;
  finding.period = loop.period;
  finding.period_text = joined(text, loop.first, loop.first + loop.period);
  finding.turns = loop.turns();
  finding.evidence = fmt::format("{} token{} repeated {} times, from token {} to {}{}", loop.period, loop.period == 1 ? "" : "s",
                                 loop.turns(), loop.first, loop.end - 1, loop.end == count(text) ? ", the end" : "");
  return finding;
}

}  // namespace kvdiff
