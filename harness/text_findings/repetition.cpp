#include <algorithm>
#include <fmt/format.h>
#include <array>
#include <map>
#include <unordered_map>

#include "harness/text_findings/kinds.h"

// Repetition says nothing new up to the end. What a token adds to the 256 before it is one of three things: it is a part of a
// run of four that stood there (said before); it stood there, but not in that run (a new order); or it did not stand there
// (news). A list, a table, code repeat their structure, but each line brings news, and so the rate of news decides.
namespace kvdiff {
namespace {

constexpr int64_t run_length = 4, look_back = 256;
constexpr int32_t any_digit = -1;  // no token has this id
constexpr int64_t snap = 8;        // a second saying begins with a line or sentence, if one begins so soon

enum Adds { said, order, news };

bool is_number(std::string_view piece) {
  const bool digits = std::all_of(piece.begin(), piece.end(), [](char c) { return c == ' ' || (c >= '0' && c <= '9'); });
  return digits && piece.find_first_not_of(' ') != std::string_view::npos;
}

bool is_data(const GeneratedText& text, double digit_share) {
  const auto numbers = std::count_if(text.pieces.begin(), text.pieces.end(), is_number);
  return static_cast<double>(numbers) > digit_share * static_cast<double>(count(text));
}

// Running numbers are no news, unless the text is made of numbers.
std::vector<int32_t> without_numbers(const GeneratedText& text, bool data) {
  std::vector<int32_t> tokens(text.tokens.begin(), text.tokens.end());
  for (size_t i = 0; !data && i < tokens.size(); ++i)
    if (is_number(text.pieces[i])) tokens[i] = any_digit;
  return tokens;
}

// What each token adds. All four tokens of a run that stood there are said before.
std::vector<Adds> adds_of(const std::vector<int32_t>& tokens) {
  std::vector<Adds> adds;
  std::unordered_map<int32_t, int64_t> last;
  std::map<std::array<int32_t, run_length>, int64_t> last_run;
  for (int64_t i = 0; i < static_cast<int64_t>(tokens.size()); ++i) {
    const auto seen = last.find(tokens[static_cast<size_t>(i)]);
    adds.push_back(seen != last.end() && i - seen->second <= look_back ? order : news);
    last[tokens[static_cast<size_t>(i)]] = i;
    if (i + 1 < run_length) continue;
    std::array<int32_t, run_length> run{};
    std::copy_n(tokens.begin() + (i + 1 - run_length), run_length, run.begin());
    const auto [place, first_time] = last_run.try_emplace(run, i);
    if (!first_time && i - place->second <= look_back) std::fill(adds.end() - run_length, adds.end(), said);
    place->second = i;
  }
  return adds;
}

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
    sum += one == said ? 1 : one == order ? -order_cost : -news_cost;
    if (one == said && sum >= best.sum) best = {i, sum};
  }
  return best;
}

int64_t next_sentence(const GeneratedText& text, int64_t onset) {
  for (int64_t i = onset; i <= onset + snap && i + run_length < count(text); ++i)
    if (begins_sentence(text, i)) return i;
  return onset;
}

}  // namespace

std::optional<GibberishFinding> find_repetition(const GeneratedText& text, const GibberishRules& rules) {
  const bool data = is_data(text, rules.digit_share);
  const std::vector<Adds> adds = adds_of(without_numbers(text, data));
  const Tail tail = data ? flattest_tail(adds, rules.data_order_cost, rules.data_news_cost)
                         : flattest_tail(adds, rules.order_cost, rules.news_cost);
  const int64_t length = count(text) - tail.onset;
  const bool enough = 3 * length >= (text.ended ? 4 : 3) * rules.repetition_tokens;
  if (!enough || tail.sum < rules.repetition_share * static_cast<double>(length)) return std::nullopt;
  const auto times = [&](Adds what) { return std::count(adds.begin() + tail.onset, adds.end(), what); };
  GibberishFinding finding;
  finding.kind = GibberishKind::repetition;
  finding.onset = next_sentence(text, tail.onset);
  finding.evidence = fmt::format("of the last {} tokens {} stood in the {} before them in the same run of {}, {} in another order, {} not at all",
                                 length, times(said), look_back, run_length, times(order), times(news));
  return finding;
}

}  // namespace kvdiff
