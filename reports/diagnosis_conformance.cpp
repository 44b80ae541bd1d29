#include "reports/diagnosis_conformance.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "reports/markdown_text.h"
#include "reports/numbers.h"
#include "reports/table.h"

namespace kvdiff {
namespace {

constexpr size_t most_parts = 8;

std::string relative(double value) { return std::isfinite(value) ? fmt::format("{:.3g}", value) : "not finite"; }

std::string effect_text(const ConformanceFinding& found) {
  if (!found.effect) return "";
  const ConformanceEffect& effect = *found.effect;
  std::string text = fmt::format("; steps {} to {}: the logits are off by {} (mean of the steps' largest)", effect.first, effect.first + effect.steps - 1, relative(effect.largest));
  if (effect.floor) text += fmt::format(", the arithmetic floor is {}", relative(*effect.floor));
  return text;
}

// One row per side: place, updates, first token, elements, size.
std::vector<std::vector<std::string>> rows(const Audit& audit) {
  std::vector<std::vector<std::string>> all;
  for (size_t i = 0; i < std::min(most_parts, audit.parts.size()); ++i) {
    const AuditedPart& part = audit.parts[i];
    all.push_back({place_of(part), grouped(part.first_update), grouped(part.last_update), grouped(part.first_token), grouped(part.elements), relative(part.relative)});
  }
  return all;
}

bool has_table(const Diagnosis& diagnosis) {
  const ConformanceFinding& found = diagnosis.conformance;
  return found.asked && !found.audit.conforms && found.audit.operation.empty();
}

}  // namespace

std::string conformance_text(const Diagnosis& diagnosis) {
  const ConformanceFinding& found = diagnosis.conformance;
  if (!found.asked) return found.reason.empty() ? "" : "not compared with its spec: " + found.reason;
  if (found.audit.conforms) return "the cache is what its spec says, to the last bit, and sound when it is handled";
  return fmt::format("the cache is not what its spec says: {}, {}; accounts for {} of the difference{}", found.audit.cause, found.audit.evidence,
                     percent_text(found.audit.explained), effect_text(found));
}

Lines conformance_lines(const Diagnosis& diagnosis, const RenderOptions& options) {
  if (!has_table(diagnosis)) return {};
  Table table{{{"SIDE", false, 9}, {"FROM TOKEN", true, 8}, {"TO", true, 5}, {"FIRST TOKEN HIT", true, 6}, {"ELEMENTS", true, 7}, {"RELATIVE", true, 8}}, {}};
  for (const auto& row : rows(diagnosis.conformance.audit)) {
    table.rows.emplace_back();
    for (const std::string& cell : row) table.rows.back().push_back({cell});
  }
  Lines lines = table_lines(table, options);
  if (diagnosis.conformance.audit.parts.size() > most_parts) lines.push_back(fmt::format("and {} sides more", diagnosis.conformance.audit.parts.size() - most_parts));
  return lines;
}

std::string conformance_markdown(const Diagnosis& diagnosis) {
  const std::string text = conformance_text(diagnosis);
  if (text.empty()) return "";
  std::string markdown = fmt::format("\nAgainst its spec: {}.\n", markdown_text(text));
  if (!has_table(diagnosis)) return markdown;
  markdown += "\n| side | from token | to | first token hit | elements | relative |\n|---|--:|--:|--:|--:|--:|\n";
  for (const auto& row : rows(diagnosis.conformance.audit)) markdown += fmt::format("| {} |\n", fmt::join(row, " | "));
  return markdown;
}

}  // namespace kvdiff
