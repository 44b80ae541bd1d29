#include "harness/text_findings/adds.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

namespace kvdiff {
namespace {

constexpr int32_t any_digit = -1;  // no token has this id

bool is_number(std::string_view piece) {
  const bool digits = std::all_of(piece.begin(), piece.end(), [](char c) { return c == ' ' || (c >= '0' && c <= '9'); });
  return digits && piece.find_first_not_of(' ') != std::string_view::npos;
}

bool is_data(const GeneratedText& text, double digit_share) {
  const auto numbers = std::count_if(text.pieces.begin(), text.pieces.end(), is_number);
  return static_cast<double>(numbers) > digit_share * static_cast<double>(text.tokens.size());
}

// Running numbers are no news, unless the text is made of numbers.
std::vector<int32_t> without_numbers(const GeneratedText& text, bool data) {
  std::vector<int32_t> tokens(text.tokens.begin(), text.tokens.end());
  for (size_t i = 0; !data && i < tokens.size(); ++i)
    if (is_number(text.pieces[i])) tokens[i] = any_digit;
  return tokens;
}

// All four tokens of a run that stood there are said before.
std::vector<Adds> adds_of(const std::vector<int32_t>& tokens) {
  std::vector<Adds> adds;
  std::unordered_map<int32_t, int64_t> last;
  std::map<std::array<int32_t, added_run>, int64_t> last_run;
  for (int64_t i = 0; i < static_cast<int64_t>(tokens.size()); ++i) {
    const auto seen = last.find(tokens[static_cast<size_t>(i)]);
    adds.push_back(seen != last.end() && i - seen->second <= added_look_back ? Adds::order : Adds::news);
    last[tokens[static_cast<size_t>(i)]] = i;
    if (i + 1 < added_run) continue;
    std::array<int32_t, added_run> run{};
    std::copy_n(tokens.begin() + (i + 1 - added_run), added_run, run.begin());
    const auto [place, first_time] = last_run.try_emplace(run, i);
    if (!first_time && i - place->second <= added_look_back) std::fill(adds.end() - added_run, adds.end(), Adds::said);
    place->second = i;
  }
  return adds;
}

}  // namespace

WhatIsAdded what_is_added(const GeneratedText& text, const GibberishRules& rules) {
  const bool data = is_data(text, rules.digit_share);
  return {data, adds_of(without_numbers(text, data))};
}

}  // namespace kvdiff
