#include <algorithm>
#include <fmt/format.h>

#include "harness/text_findings/adds.h"
#include "harness/text_findings/kinds.h"

// Repetition says nothing new up to the end. A list, a table, code repeat their structure, but each line brings news. Where the
// text is scored, the labels of the tokens decide (labelling.h); where it is not, the rate of news does (adds.h).
namespace kvdiff {
namespace {

constexpr int64_t snap = 8;  // a second saying begins with a line or sentence, if one begins so soon

struct Tail {
  int64_t onset = 0;
  double sum = 0;
};

// The stretch up to the end that most clearly says nothing new: of all onsets, the one with the largest sum of +1 for a
// token that was said before, -order_cost for a new order, -news_cost for news. (The longest stretch with some share would
// reach far back into sound text once the tail is long.)
Tail flattest_tail(const std::vector<Adds>& adds, double order_cost, double news_cost) {
  Tail best{static_cast<int64_t>(adds.size()), 0};
  double sum = 0;
  for (auto i = static_cast<int64_t>(adds.size()) - 1; i >= 0; --i) {
    const Adds one = adds[static_cast<size_t>(i)];
    sum += one == Adds::said ? 1 : one == Adds::order ? -order_cost : -news_cost;
    if (one == Adds::said && sum >= best.sum) best = {i, sum};
  }
  return best;
}

int64_t next_sentence(const GeneratedText& text, int64_t onset) {
  for (int64_t i = onset; i <= onset + snap && i + added_run < count(text); ++i)
    if (begins_sentence(text, i)) return i;
  return onset;
}

// `first`: of the tokens that the figures are of.
GibberishFinding repetition_from(const std::vector<Adds>& adds, int64_t first, int64_t onset) {
  const auto times = [&](Adds what) { return std::count(adds.begin() + first, adds.end(), what); };
  GibberishFinding finding;
  finding.kind = GibberishKind::repetition;
  finding.onset = onset;
  finding.evidence = fmt::format("of the last {} tokens {} stood in the {} before them in the same run of {}, {} in another order, {} not at all",
                                 adds.size() - static_cast<size_t>(first), times(Adds::said), added_look_back, added_run,
                                 times(Adds::order), times(Adds::news));
  return finding;
}

}  // namespace

std::optional<GibberishFinding> find_repetition(const GeneratedText& text, const GibberishRules& rules) {
  const auto [data, adds] = what_is_added(text, rules);
  const Tail tail = data ? flattest_tail(adds, rules.data_order_cost, rules.data_news_cost)
                         : flattest_tail(adds, rules.order_cost, rules.news_cost);
  const int64_t length = count(text) - tail.onset;
  const bool enough = 3 * length >= (text.ended ? 4 : 3) * rules.repetition_tokens;
  if (!enough || tail.sum < rules.repetition_share * static_cast<double>(length)) return std::nullopt;
  return repetition_from(adds, tail.onset, next_sentence(text, tail.onset));
}

std::optional<GibberishFinding> find_repetition(const GeneratedText& text, const std::vector<LabelledStretch>& stretches,
                                                const GibberishRules& rules) {
  for (size_t i = 0; i < stretches.size(); ++i) {
    if (stretches[i].state != TextState::stuck) continue;
    int64_t stuck = 0;
    for (size_t j = i; j < stretches.size(); ++j) stuck += stretches[j].state == TextState::stuck ? stretches[j].tokens() : 0;
    const int64_t first = stretches[i].first, length = count(text) - first;
    if (length >= rules.stuck_tokens && static_cast<double>(stuck) >= rules.stuck_share * static_cast<double>(length))
      return repetition_from(what_is_added(text, rules).adds, first, first);
  }
  return std::nullopt;
}

}  // namespace kvdiff
