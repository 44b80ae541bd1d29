#include <algorithm>
#include <fmt/format.h>

#include "harness/text_findings/adds.h"
#include "harness/text_findings/kinds.h"

// Repetition says nothing new up to the end. A list, a table, code repeat their structure, but each line brings news. Where the
// text is scored, the labels of the tokens decide (labelling.h); where it is not, the rate of news does (adds.h).
namespace kvdiff {
namespace {

constexpr int64_t snap = 8;  // a second saying begins with a line or sentence, if one begins so soon
constexpr int64_t before = 20, behind = 40, shortest = 20;  // tokens: how far labels are out, at most; what a tail must have

struct Tail {
  int64_t onset = 0;
  double sum = 0;
};

// The stretch up to the end that most clearly says nothing new: of all onsets, the one with the largest sum of +1 for a
// token that was said before, -order_cost for a new order, -news_cost for news. (The longest stretch with some share would
// reach far back into sound text once the tail is long.)
// Of the onsets from `first` to `last`.
Tail flattest_tail(const std::vector<Adds>& adds, double order_cost, double news_cost, int64_t first, int64_t last, Tail best) {
  double sum = 0;
  for (auto i = static_cast<int64_t>(adds.size()) - 1; i >= first; --i) {
    const Adds one = adds[static_cast<size_t>(i)];
    sum += one == Adds::said ? 1 : one == Adds::order ? -order_cost : -news_cost;
    if (i <= last && one == Adds::said && sum >= best.sum) best = {i, sum};
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

// Where what is labelled stuck from `labelled` on begins to say nothing new: the labels know little of where a second saying begins.
// The costs are those that put most onsets of the labelled texts right.
int64_t settled_onset(const GeneratedText& text, const std::vector<Adds>& adds, int64_t labelled) {
  constexpr double anything = -1e9, order_cost = 0.7, news_cost = 14;
  const Tail tail = flattest_tail(adds, order_cost, news_cost, std::max<int64_t>(0, labelled - before),
                                  std::min(count(text) - shortest, labelled + behind), {labelled, anything});
  return next_sentence(text, tail.onset);
}

}  // namespace

std::optional<GibberishFinding> find_repetition(const GeneratedText& text, const GibberishRules& rules) {
  const auto [data, adds] = what_is_added(text, rules);
  const Tail none{count(text), 0};
  const Tail tail = data ? flattest_tail(adds, rules.data_order_cost, rules.data_news_cost, 0, count(text), none)
                         : flattest_tail(adds, rules.order_cost, rules.news_cost, 0, count(text), none);
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
    if (length < rules.stuck_tokens || static_cast<double>(stuck) < rules.stuck_share * static_cast<double>(length)) continue;
    const std::vector<Adds> adds = what_is_added(text, rules).adds;
    const int64_t onset = settled_onset(text, adds, first);
    return repetition_from(adds, onset, onset);
  }
  return std::nullopt;
}

}  // namespace kvdiff
