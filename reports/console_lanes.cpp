#include <fmt/format.h>

#include "harness/verdict/headline.h"
#include "reports/console_sections.h"
#include "reports/numbers.h"
#include "reports/table.h"
#include "reports/text.h"

namespace kvdiff {
namespace {

Tone tone_of(LaneStatus status) {
  switch (status) {
    case LaneStatus::measured: return Tone::plain;
    case LaneStatus::passed: return Tone::good;
    case LaneStatus::inconclusive:
    case LaneStatus::skipped: return Tone::warning;
    case LaneStatus::failed:
    case LaneStatus::invalid:
    case LaneStatus::error: return Tone::bad;
  }
  return Tone::plain;
}

TableCell step_cell(bool measured, std::optional<int64_t> step, const RenderOptions& options) {
  if (!measured) return {dash(options), Tone::dim};
  return step ? TableCell{grouped(*step), Tone::warning} : TableCell{"never", Tone::plain};
}

TableCell parts_cell(const LaneReport& lane, const RenderOptions& options) {
  const bool parts = lane.free && lane.free->first_divergence;
  return step_cell(lane.free.has_value() && lane.role == LaneRole::candidate, parts ? std::optional(lane.free->first_divergence->step) : std::nullopt, options);
}

TableCell gibberish_cell(const LaneReport& lane, const RenderOptions& options) {
  if (!lane.free || !lane.free->gibberish) return {dash(options), Tone::dim};
  const GibberishReport& found = *lane.free->gibberish;
  if (found.onset < 0) return {"no", Tone::plain};
  return {fmt::format("{} {}", found.kind, found.onset), Tone::bad};
}

TableCell kld_cell(const LaneReport& lane, std::string_view metric, const RenderOptions& options) {
  const Figure* figure = lane.forced ? find_figure(lane.forced->summary, metric) : nullptr;
  return {figure ? short_number(*figure, dash(options)) : dash(options)};
}

// All and, where near-ties can be told apart, the real ones: `12/9`.
TableCell flips_cell(const LaneReport& lane, const RenderOptions& options) {
  if (!lane.forced) return {dash(options), Tone::dim};
  int64_t real = 0;
  bool known = true;
  for (const FlipReport& flip : lane.forced->flips) {
    real += flip.near_tie == NearTie::no ? 1 : 0;
    known = known && flip.near_tie != NearTie::unknown;
  }
  const std::string count = grouped(static_cast<int64_t>(lane.forced->flips.size()));
  return {fmt::format("{}/{}", count, known ? grouped(real) : dash(options))};
}

std::string title_of(const LaneReport& lane, const RenderOptions& options) {
  if (lane.role == LaneRole::candidate) return shown(lane.name, options);
  return fmt::format("{} ({})", shown(lane.name, options), shown(lane.cache, options));
}

std::vector<TableCell> row_of(const LaneReport& lane, const RenderOptions& options) {
  const bool has_bytes = lane.bytes.full_precision > 0;
  return {{title_of(lane, options), lane.role == LaneRole::candidate ? Tone::strong : Tone::plain},
          parts_cell(lane, options),
          step_cell(lane.forced.has_value(), lane.forced ? lane.forced->onset.step : std::nullopt, options),
          gibberish_cell(lane, options),
          kld_cell(lane, "kld_mean", options),
          kld_cell(lane, "kld_p99", options),
          kld_cell(lane, "kld_max", options),
          flips_cell(lane, options),
          {has_bytes ? size_text(lane.bytes.total) : dash(options)},
          {has_bytes ? percent_text(saving_of(lane)) : dash(options)},
          {std::string(name_of(lane.status)), tone_of(lane.status)}};
}

}  // namespace

Lines lane_table_lines(const RunReport& report, const RenderOptions& options) {
  Table table;
  table.columns = {{"LANE", false, 9},     {"PARTS", true, 8}, {"ONSET", true, 3}, {"GIBBERISH", true, 5}, {"KLD MEAN", true, 7}, {"P99", true, 1},
                   {"MAX", true, 0},       {"FLIPS/REAL", true, 4}, {"BYTES", true, 0}, {"SAVED", true, 6},     {"STATUS", false, 9}};
  for (const LaneReport& lane : report.lanes) table.rows.push_back(row_of(lane, options));
  Lines lines = table_lines(table, options);
  for (const LaneReport& lane : report.lanes) {
    if (lane.reason.empty()) continue;
    const std::string text = fmt::format("{}: {}: {}", shown(lane.name, options), name_of(lane.status), shown(lane.reason, options));
    for (const std::string& line : wrapped(text, options.width)) lines.push_back(painted(line, tone_of(lane.status), options));
  }
  return lines;
}

}  // namespace kvdiff
