#include <algorithm>
#include <fmt/format.h>
#include <unordered_map>

#include "harness/text_findings/kinds.h"
#include "harness/text_findings/loops.h"

namespace kvdiff {
namespace {

constexpr int64_t run_length = 4;   // tokens of a run that repetition looks for
constexpr int64_t look_back = 256;  // how far back it looks
constexpr int64_t few_words_back = 32;  // where the tokens of a text of few words stood
constexpr int64_t burst = 8;          // tokens in which news is looked for
constexpr int32_t any_digit = -1;   // no token has this id

bool is_number(std::string_view piece) {
  const bool digits = std::all_of(piece.begin(), piece.end(), [](char c) { return c == ' ' || (c >= '0' && c <= '9'); });
  return digits && piece.find_first_not_of(' ') != std::string_view::npos;
}

bool is_data(const GeneratedText& text, double digit_share) {
  const auto numbers = std::count_if(text.pieces.begin(), text.pieces.end(), is_number);
  return static_cast<double>(numbers) > digit_share * static_cast<double>(count(text));
}

// Running numbers are no news, unless the text is made of numbers.
std::vector<int32_t> without_numbers(const GeneratedText& text, double digit_share) {
  std::vector<int32_t> tokens(text.tokens.begin(), text.tokens.end());
  if (is_data(text, digit_share)) return tokens;
  for (size_t i = 0; i < tokens.size(); ++i)
    if (is_number(text.pieces[i])) tokens[i] = any_digit;
  return tokens;
}

// repeated[i]: the run of four tokens that ends at i stood in the tokens before.
std::vector<bool> repeated_runs(std::span<const int32_t> tokens) {
  std::vector<bool> repeated(tokens.size(), false);
  std::unordered_map<uint64_t, std::vector<int64_t>> places;  // by a hash; compared token by token
  const auto same_run = [&](int64_t a, int64_t b) {
    return std::equal(tokens.begin() + (a - run_length + 1), tokens.begin() + (a + 1), tokens.begin() + (b - run_length + 1));
  };
  for (int64_t i = run_length - 1; i < static_cast<int64_t>(tokens.size()); ++i) {
    uint64_t hash = 0;
    for (int64_t j = i - run_length + 1; j <= i; ++j)
      hash = hash * 0x9e3779b97f4a7c15u + static_cast<uint32_t>(tokens[static_cast<size_t>(j)]);
    std::vector<int64_t>& before = places[hash];
    for (auto place = before.rbegin(); place != before.rend() && i - *place <= look_back; ++place)
      if (same_run(i, *place)) {
        repeated[static_cast<size_t>(i)] = true;
        break;
      }
    before.push_back(i);
  }
  return repeated;
}

struct Tail {
  int64_t onset = 0, marked = 0, length = 0;
};

// The stretch up to the end that is most clearly denser in marked tokens than cost / (gain + cost): of all onsets, the
// one with the largest sum of +gain for a marked token and -cost for another. (The longest stretch with some share would
// reach far back into sound text once the tail is long.)
Tail densest_tail(const std::vector<bool>& marks, int64_t gain, int64_t cost) {
  const auto size = static_cast<int64_t>(marks.size());
  Tail tail{size, 0, 0};
  int64_t balance = 0, best = 0;
  for (int64_t i = size - 1; i >= 0; --i) {
    balance += marks[static_cast<size_t>(i)] ? gain : -cost;
    if (balance < best) continue;
    best = balance;
    tail.onset = i;
  }
  tail.length = size - tail.onset;
  tail.marked = std::count(marks.begin() + tail.onset, marks.end(), true);
  return tail;
}

// The tail from behind its last burst of news: seven of eight tokens in a row that are not marked.
Tail behind_news(const std::vector<bool>& marks, Tail tail) {
  const auto size = static_cast<int64_t>(marks.size());
  for (int64_t first = size - burst; first >= tail.onset; --first) {
    if (std::count(marks.begin() + first, marks.begin() + first + burst, false) + 1 < burst) continue;
    tail.onset = first + burst;
    break;
  }
  while (tail.onset < size && !marks[static_cast<size_t>(tail.onset)]) ++tail.onset;
  tail.length = size - tail.onset;
  tail.marked = std::count(marks.begin() + tail.onset, marks.end(), true);
  return tail;
}

bool dense(const Tail& tail, double share, int64_t tokens, bool ended) {
  return 3 * tail.length >= (ended ? 4 : 3) * tokens && static_cast<double>(tail.marked) >= share * static_cast<double>(tail.length);
}

// A repeated run ends where it is found: the stretch begins with the first one's first token.
std::optional<GibberishFinding> find_repeated_runs(const GeneratedText& text, const GibberishRules& rules) {
  const std::vector<bool> repeated = repeated_runs(without_numbers(text, rules.digit_share));
  const Tail tail = behind_news(repeated, densest_tail(repeated, 1, 1));
  if (!dense(tail, rules.repetition_share, rules.repetition_tokens, text.ended)) return std::nullopt;
  GibberishFinding finding;
  finding.kind = GibberishKind::repetition;
  finding.onset = std::max<int64_t>(0, tail.onset - run_length + 1);
  finding.evidence = fmt::format("{} of the last {} tokens end a run of {} that stood in the {} tokens before it", tail.marked,
                                 tail.length, run_length, look_back);
  return finding;
}

std::optional<GibberishFinding> find_few_words(const GeneratedText& text, const GibberishRules& rules) {
  if (text.nll.empty() || is_data(text, rules.digit_share)) return std::nullopt;
  std::vector<bool> near;
  for (int64_t i = 0; i < count(text); ++i) {
    const auto at = text.tokens.begin() + i;
    near.push_back(std::find(text.tokens.begin() + std::max<int64_t>(0, i - few_words_back), at, *at) != at);
  }
  const Tail tail = densest_tail(near, 1, 6);
  if (!dense(tail, rules.few_words_share, rules.few_words_tokens, text.ended)) return std::nullopt;
  double nll = 0;
  for (const double one : text.nll.subspan(static_cast<size_t>(tail.onset))) nll += one;
  nll /= static_cast<double>(tail.length);
  if (!(nll >= rules.few_words_nll)) return std::nullopt;
  GibberishFinding finding;
  finding.kind = GibberishKind::repetition;
  finding.onset = tail.onset;
  finding.evidence = fmt::format("{} of the last {} tokens stood among the {} before them, in an order that the reference would still have paid "
                                 "{:.1f} nats a token for", tail.marked, tail.length, few_words_back, nll);
  return finding;
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
  const std::optional<Loop> loop = first_loop(text.tokens, enough);
  if (!loop) return std::nullopt;
  GibberishFinding finding;
  finding.kind = loop->period == 1 ? GibberishKind::stuck_token : GibberishKind::loop;
  finding.onset = loop->first;
  finding.period = loop->period;
  finding.period_text = joined(text, loop->first, loop->first + loop->period);
  finding.turns = loop->turns();
  finding.evidence = fmt::format("{} token{} repeated {} times, from token {} to {}{}", loop->period,
                                 loop->period == 1 ? "" : "s", loop->turns(), loop->first, loop->end - 1,
                                 loop->end == count(text) ? ", the end" : "");
  return finding;
}

std::optional<GibberishFinding> find_repetition(const GeneratedText& text, const GibberishRules& rules) {
  const auto runs = find_repeated_runs(text, rules), words = find_few_words(text, rules);
  return runs && (!words || runs->onset <= words->onset) ? runs : words;
}

}  // namespace kvdiff
