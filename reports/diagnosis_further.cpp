#include <fmt/format.h>

#include <algorithm>

#include "harness/diagnose/questions.h"
#include "reports/diagnosis_flip.h"
#include "reports/markdown_text.h"
#include "reports/numbers.h"
#include "reports/table.h"
#include "reports/text.h"

namespace kvdiff {
namespace {

constexpr size_t told_characters = 60;

std::string percent(double value) { return fmt::format("{:.1f}%", 100 * value); }

std::string interval_text(const std::vector<double>& values) {
  const auto [smallest, largest] = std::minmax_element(values.begin(), values.end());
  if (values.size() == 1) return fmt::format("{}; one prompt has no interval", percent(values[0]));
  const MeanInterval mean = *t_interval(values);
  return fmt::format("{} to {}, mean {}; 90% interval of the mean {} to {}, by Student's t over {} prompts, which takes recoveries to be about normal",
                     percent(*smallest), percent(*largest), percent(mean_of(values)), percent(mean.low), percent(mean.high), values.size());
}

// A prompt without the lines that the first one begins with, too: a chat template says the same in front of each.
std::string own_lines(std::string_view prompt, std::string_view first) {
  const auto parts = std::mismatch(prompt.begin(), prompt.end(), first.begin(), first.end()).first;
  const size_t line = prompt.substr(0, static_cast<size_t>(parts - prompt.begin())).rfind('\n') + 1;  // 0 where there is none
  return std::string(line < prompt.size() ? prompt.substr(line) : prompt);
}

struct Row {
  std::string prompt, tokens, kld, recovery, parts, exempt_parts;
};

Row row_of(const Diagnosis& diagnosis, const PromptRecovery& one, std::string_view none) {
  const auto parts = [&](const std::optional<int64_t>& at) { return one.steps == 0 ? std::string(none) : at ? grouped(*at) : "never"; };
  return {own_lines(one.prompt.text, diagnosis.prompt.text), grouped(static_cast<int64_t>(one.prompt.token_ids.size())), one.kld ? short_number(*one.kld) : std::string(none),
          one.recovery ? percent(*one.recovery) : std::string(none), parts(one.parts_at), parts(one.exempt_parts_at)};
}

}  // namespace

std::string further_text(const FurtherPromptsFinding& found) {
  if (found.prompts.empty()) return fmt::format("the further ones were not tried: {}", found.reason);
  std::string text = verdict_of(found);
  if (const std::vector<double> values = found.recoveries(); !values.empty())
    text += fmt::format(": {}. The prompt that the set was searched on is not counted", interval_text(values));
  return text;
}

Lines further_lines(const Diagnosis& diagnosis, const RenderOptions& options) {
  const FurtherPromptsFinding& found = diagnosis.further_prompts;
  if (found.prompts.empty()) return {};
  Table table{{{"PROMPT", false, 9}, {"TOKENS", true, 4}, {"KLD", true, 6}, {"SET EXEMPT, RECOVERS", true, 8}, {"TEXT PARTS AT", true, 7},
               {"SET EXEMPT, PARTS AT", true, 5}}, {}};
  Lines reasons;
  for (const PromptRecovery& one : found.prompts) {
    const Row row = row_of(diagnosis, one, dash(options));
    const std::string told = clipped(shown(row.prompt, options), told_characters, options.unicode);
    const Tone tone = !one.recovery ? Tone::plain : *one.recovery >= found.target ? Tone::good : Tone::warning;
    table.rows.push_back({{told}, {row.tokens}, {row.kld}, {row.recovery, tone}, {row.parts}, {row.exempt_parts}});
    if (!one.reason.empty()) reasons.push_back(fmt::format("{}: {}", told, one.reason));
  }
  Lines lines = table_lines(table, options);
  for (const std::string& reason : reasons)
    for (std::string& line : wrapped(reason, options.width)) lines.push_back(std::move(line));
  return lines;
}

std::string further_markdown(const Diagnosis& diagnosis) {
  const FurtherPromptsFinding& found = diagnosis.further_prompts;
  if (!found.given()) return "";
  std::string text = fmt::format("\nprompts: {}.\n", markdown_text(further_text(found)));
  if (found.prompts.empty()) return text;
  text += "\n| prompt | tokens | KLD | set exempt, recovers | text parts at | set exempt, parts at |\n|---|--:|--:|--:|--:|--:|\n";
  for (const PromptRecovery& one : found.prompts) {
    const Row row = row_of(diagnosis, one, "–");
    text += fmt::format("| {}{} | {} | {} | {} | {} | {} |\n", markdown_text(clipped(printable(row.prompt, true), told_characters, true)),
                        one.reason.empty() ? "" : fmt::format(" ({})", markdown_text(one.reason)), row.tokens, row.kld, row.recovery, row.parts,
                        row.exempt_parts);
  }
  return text;
}

}  // namespace kvdiff
