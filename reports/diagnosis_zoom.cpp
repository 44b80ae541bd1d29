#include <fmt/format.h>

#include <cmath>

#include "harness/diagnose/questions.h"
#include "reports/diagnosis_flip.h"
#include "reports/markdown_text.h"
#include "reports/numbers.h"
#include "reports/table.h"

namespace kvdiff {
namespace {

constexpr size_t most_named = 3;

std::string share(const std::optional<double>& value, std::string_view none) {
  if (!value) return std::string(none);
  return std::isfinite(*value) ? fmt::format("{:.1f}%", 100 * *value) : "not finite";
}

std::string set_name(const Parts& parts) {
  return parts.size() <= most_named ? text_of(parts, most_named) : fmt::format("{} sides from {}", parts.size(), text_of(parts.front()));
}

std::string pair_text(const PairFinding& pair) {
  const std::string both = fmt::format("{} and {}", text_of(pair.one), text_of(pair.other));
  const auto told = [](const std::optional<double>& value) { return share(value, "an unknown share"); };
  if (pair.one_of_several())
    return fmt::format("{} hurt together: quantized alone they make {} and {}, both at once {}; exempting the first recovers {}, exempting the second {}, so it is one partner of several", both,
                       told(pair.alone_one), told(pair.alone_other), told(pair.alone_both), told(pair.exempt_one), told(pair.exempt_other));
  if (pair.kind == PairKind::only_together)
    return fmt::format("{} hurt only together: quantized alone they make {} and {}, both at once {}; exempting either recovers {} and {}", both, told(pair.alone_one),
                       told(pair.alone_other), told(pair.alone_both), told(pair.exempt_one), told(pair.exempt_other));
  return fmt::format("either of {} breaks it: exempting one recovers {} and {}, exempting both {}; quantized alone they make {} and {}", both, told(pair.exempt_one),
                     told(pair.exempt_other), told(pair.exempt_both), told(pair.alone_one), told(pair.alone_other));
}

std::string interval_text(const RecoveryInterval& one) {
  return fmt::format("with the named set exempt, {:.1f}% to {:.1f}% gone in 90% of {} resamples of the window; the unit is a block of {} consecutive steps of its {}, so it says nothing of other prompts",
                     100 * one.low, 100 * one.high, one.resamples, one.block, one.steps);
}

std::string alone_text(const Diagnosis& diagnosis) {
  const double alone = *diagnosis.company.alone;
  return fmt::format("with everything else in full precision, {} {:.1f}% of the divergence{}", diagnosis.place.set.parts.size() == 1 ? "it makes" : "they make",
                     100 * alone, alone < 0.5 ? ": not enough alone" : "");
}

std::string below_text(const ArithmeticFinding& found) {
  if (found.parts_below.empty()) return "";
  return fmt::format("; {} more than that and {} not named", counted(static_cast<int64_t>(found.parts_below.size()), "side does no", "sides do no"),
                     found.parts_below.size() == 1 ? "is" : "are");
}

// Two columns of shares under three titles, for both formats.
struct Shares {
  std::string titles[3];
  struct Row {
    std::string name;
    std::optional<double> first, second;
  };
  std::vector<Row> rows;
};

Shares restored_shares(const Diagnosis& diagnosis) {
  Shares shares{{"set", "exempt, recovers", "reference's own put in, recovers"}, {}};
  for (const RestoredScore& one : diagnosis.restored.scores) shares.rows.push_back({set_name(one.parts), one.exempt, one.restored});
  return shares;
}

Shares company_shares(const Diagnosis& diagnosis) {
  Shares shares{{"the set without", "others exempt, recovers", "others quantized alone, makes"}, {}};
  for (const MemberScore& one : diagnosis.company.members) shares.rows.push_back({text_of(one.part), one.exempt_without, one.alone_without});
  return shares;
}

Shares token_shares(const Diagnosis& diagnosis) {
  Shares shares{{diagnosis.tokens.everything ? "codes, on all sides" : "codes, on the named sides", "exempt, recovers", "quantized alone, makes"}, {}};
  for (const TokenScore& one : diagnosis.tokens.scores)
    shares.rows.push_back({fmt::format("{}: {}", one.name, positions_text(one.tokens)), one.recovery, one.alone});
  return shares;
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return text;
}

Lines console_of(const Shares& shares, const RenderOptions& options) {
  if (shares.rows.empty()) return {};
  Table table{{{upper(shares.titles[0]), false, 9}, {upper(shares.titles[1]), true, 8}, {upper(shares.titles[2]), true, 7}}, {}};
  for (const auto& row : shares.rows) table.rows.push_back({{row.name}, {share(row.first, dash(options))}, {share(row.second, dash(options))}});
  return table_lines(table, options);
}

std::string markdown_of(const Shares& shares) {
  if (shares.rows.empty()) return "";
  std::string text = fmt::format("\n| {} | {} | {} |\n|---|--:|--:|\n", shares.titles[0], shares.titles[1], shares.titles[2]);
  for (const auto& row : shares.rows) text += fmt::format("| {} | {} | {} |\n", row.name, share(row.first, "–"), share(row.second, "–"));
  return text;
}

}  // namespace

std::string positions_text(const TokenRange& tokens) {
  return tokens.first == tokens.second ? std::to_string(tokens.first) : fmt::format("{} to {}", tokens.first, tokens.second);
}

std::vector<PartScore> suspected(const Diagnosis& diagnosis) {
  std::vector<PartScore> told = diagnosis.scan;
  std::erase_if(told, [&](const PartScore& one) { return !diagnosis.arithmetic.names(one.part); });
  return told;
}

std::vector<LabelledRow> zoom_rows(const Diagnosis& diagnosis) {
  std::vector<LabelledRow> rows;
  if (diagnosis.interval.set) rows.emplace_back("interval", interval_text(*diagnosis.interval.set));
  if (diagnosis.company.alone) rows.emplace_back("alone", alone_text(diagnosis));
  if (diagnosis.company.pair) rows.emplace_back("pair", pair_text(*diagnosis.company.pair));
  if (const auto& search = diagnosis.company.search; search && !search->reason.empty())
    rows.emplace_back("partner", fmt::format("none was found beside which {} does it: {}", set_name(diagnosis.place.set.parts), search->reason));
  if (diagnosis.window_steps > 0)
    rows.emplace_back("floors", fmt::format("the control is {}; {}{}", diagnosis.arithmetic.control_exact ? "bit-equal in every batch of trials" : "not proven",
                                            text_of(diagnosis.arithmetic), below_text(diagnosis.arithmetic)));
  return rows;
}

Lines restored_lines(const Diagnosis& diagnosis, const RenderOptions& options) { return console_of(restored_shares(diagnosis), options); }
Lines company_lines(const Diagnosis& diagnosis, const RenderOptions& options) { return console_of(company_shares(diagnosis), options); }
Lines token_lines(const Diagnosis& diagnosis, const RenderOptions& options) { return console_of(token_shares(diagnosis), options); }

std::string zoom_markdown(const Diagnosis& diagnosis) {
  std::string text;
  for (const auto& [label, sentence] : zoom_rows(diagnosis)) text += fmt::format("\n{}: {}.\n", label, markdown_text(sentence));
  return text + markdown_of(restored_shares(diagnosis)) + markdown_of(company_shares(diagnosis));
}

std::string tokens_markdown(const Diagnosis& diagnosis) { return markdown_of(token_shares(diagnosis)); }

}  // namespace kvdiff
