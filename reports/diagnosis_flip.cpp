#include "reports/diagnosis_flip.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/markdown_text.h"
#include "reports/table.h"
#include "reports/text.h"

namespace kvdiff {
namespace {

constexpr size_t most_shares = 8;

// Logits, with a sign where it is a change.
std::string logit(const std::optional<double>& value, std::string_view none) { return value ? fmt::format("{:.2f}", *value) : std::string(none); }
std::string change(const std::optional<double>& value, std::string_view none) {
  if (!value) return std::string(none);
  return *value != 0 && std::fabs(*value) < 0.01 ? fmt::format("{:+.2g}", *value) : fmt::format("{:+.3f}", *value);
}

std::string token_name(const TokenChoice& token) { return token.text.empty() ? fmt::format("token {}", token.id) : fmt::format("\"{}\"", token.text); }

struct Row {
  std::string name, first, second;
};

// The two tokens, seen from both sides.
std::vector<Row> token_rows(const FirstFlip& flip, std::string_view none) {
  const Divergence& at = *flip.at;
  const auto seen = flip.candidate_gap ? std::optional(at.candidate.logit + *flip.candidate_gap) : std::nullopt;
  return {{token_name(at.reference), logit(at.reference.logit, none), logit(seen, none)},
          {token_name(at.candidate), logit(at.reference_for_candidate.logit, none), logit(at.candidate.logit, none)},
          {"gap between the two", change(flip.reference_gap, none), change(flip.candidate_gap, none)},
          {"margin to the second choice", logit(at.reference_margin, none), logit(at.candidate_margin, none)}};
}

// The first that stand out of the floor one way or the other; then one row for all others.
struct ToldShares {
  std::vector<FlipShare> told;
  FlipShare others{{}, 0.0, 0.0};
};

ToldShares told_shares(const FirstFlip& flip) {
  ToldShares shares;
  const auto add = [](std::optional<double>& to, const std::optional<double>& one) { to = to && one ? std::optional(*to + *one) : std::nullopt; };
  for (const FlipShare& one : flip.shares) {
    if (shares.told.size() < most_shares && (flip.named(one.exempt) || flip.named(one.alone))) {
      shares.told.push_back(one);
      continue;
    }
    add(shares.others.exempt, one.exempt);
    add(shares.others.alone, one.alone);
  }
  return shares;
}

std::vector<Row> share_rows(const FirstFlip& flip, std::string_view none) {
  std::vector<Row> rows;
  const ToldShares shares = told_shares(flip);
  for (const FlipShare& one : shares.told) rows.push_back({text_of(one.part), change(one.exempt, none), change(one.alone, none)});
  if (const size_t others = flip.shares.size() - shares.told.size(); others > 0)
    rows.push_back({fmt::format("the other {} sides", others), change(shares.others.exempt, none), change(shares.others.alone, none)});
  rows.push_back({"all sides' shares", change(flip.exempt_sum, none), change(flip.alone_sum, none)});
  rows.push_back({"the whole cache", change(flip.change(), none), change(flip.change(), none)});
  const auto left = [&](const std::optional<double>& sum) { return flip.change() && sum ? std::optional(*flip.change() - *sum) : std::nullopt; };
  rows.push_back({"not additive", change(left(flip.exempt_sum), none), change(left(flip.alone_sum), none)});
  if (flip.noise()) rows.push_back({"rounding alone may do", change(flip.noise(), none), change(flip.noise(), none)});
  return rows;
}

Lines table_of(const std::vector<std::string>& titles, const std::vector<Row>& rows, const RenderOptions& options) {
  Table table{{{titles[0], false, 9}, {titles[1], true, 8}, {titles[2], true, 7}}, {}};
  for (const Row& row : rows) table.rows.push_back({{shown(row.name, options)}, {row.first}, {row.second}});
  return table_lines(table, options);
}

std::string markdown_table(const std::vector<std::string>& titles, const std::vector<Row>& rows) {
  std::string text = fmt::format("\n| {} | {} | {} |\n|---|--:|--:|\n", titles[0], titles[1], titles[2]);
  for (const Row& row : rows) text += fmt::format("| {} | {} | {} |\n", markdown_text(row.name), row.first, row.second);
  return text;
}

}  // namespace

Lines flip_account_lines(const Diagnosis& diagnosis, const RenderOptions& options) {
  const std::string& account = diagnosis.first_flip.account;
  return account.empty() ? Lines{} : Lines(wrapped(shown(account, options), options.width));
}

Lines flip_table_lines(const Diagnosis& diagnosis, const RenderOptions& options) {
  const FirstFlip& flip = diagnosis.first_flip;
  if (!flip.at) return {};
  const std::string none = dash(options);
  Lines lines = table_of({"LOGITS OF THAT STEP", "REFERENCE", "THIS CACHE"}, token_rows(flip, none), options);
  if (flip.shares.empty()) return lines;
  lines.emplace_back();
  for (std::string& line : table_of({"CHANGE OF THE GAP BY", "UNDONE IF EXEMPT", "MADE ALONE"}, share_rows(flip, none), options)) lines.push_back(std::move(line));
  return lines;
}

std::string flip_markdown(const Diagnosis& diagnosis) {
  const FirstFlip& flip = diagnosis.first_flip;
  if (!flip.at) return "";
  std::string text = fmt::format("\n**The first flip.** {}\n", markdown_text(flip.account));
  text += markdown_table({"logits of that step", "reference", "this cache"}, token_rows(flip, "–"));
  if (!flip.shares.empty()) text += markdown_table({"change of the gap by", "undone if exempt", "made alone"}, share_rows(flip, "–"));
  return text;
}

}  // namespace kvdiff
