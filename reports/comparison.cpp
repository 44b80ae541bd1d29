#include "reports/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/console_sections.h"
#include "reports/numbers.h"
#include "reports/table.h"
#include "reports/text.h"

namespace kvdiff {
namespace {

void append(std::string& text, const Lines& lines) {
  for (const std::string& line : lines) text += line + "\n";
}

Lines warning(const Comparison& comparison, const RenderOptions& options) {
  Lines lines;
  if (comparison.differences.empty()) return lines;
  lines.push_back(painted("NOT THE SAME INPUT OR BUILD. What follows compares two different things:", Tone::bad, options));
  for (const auto& [what, before, after] : comparison.differences) {
    const auto known = [&](const std::string& digest) { return digest.empty() ? std::string("unknown") : shown(digest, options); };
    lines.push_back(painted(fmt::format("  {}: {} before, {} after", what, known(before), known(after)), Tone::bad, options));
  }
  lines.push_back("");
  return lines;
}

std::string headline(const Comparison& comparison) {
  const auto lanes = static_cast<int64_t>(comparison.lanes.size());
  std::string text = comparison.changed == 0 ? fmt::format("SAME  None of {} changed", counted(lanes, "lane", "lanes"))
                                             : fmt::format("CHANGED  {} of {}: {} worse, {} better", comparison.changed,
                                                           counted(lanes, "lane", "lanes"), comparison.worse, comparison.better);
  if (comparison.only_before > 0) text += fmt::format(", {} only before", comparison.only_before);
  if (comparison.only_after > 0) text += fmt::format(", {} only after", comparison.only_after);
  return text + ".";
}

std::string value_text(const FigureChange& change, const Figure& figure, const RenderOptions& options) {
  if (!figure.value) return dash(options);
  if (std::isinf(*figure.value) && *figure.value > 0) return "never";
  if (change.metric == "bytes") return size_text(static_cast<int64_t>(*figure.value));
  if (change.metric == "saving") return percent_text(*figure.value);
  return short_number(*figure.value);
}

Tone tone_of(Trend trend) { return trend == Trend::worse ? Tone::bad : trend == Trend::better ? Tone::good : Tone::warning; }

// "parts 14 steps earlier" says more than two numbers.
std::string trend_text(const FigureChange& change) {
  const bool is_step = change.metric == "first_divergence" || change.metric == "onset" || change.metric == "gibberish_onset";
  if (!is_step || change.trend == Trend::changed) return std::string(name_of(change.trend));
  return fmt::format("{} ({})", name_of(change.trend), change.trend == Trend::worse ? "earlier" : "later");
}

std::string shared_text(const LaneComparison& lane) {
  if (!lane.in_after) return "only in the report before";
  if (!lane.in_before) return "only in the report after";
  return lane.same_bits ? "unchanged; K, V and logits are the same bits" : "unchanged";
}

void append_lane(std::string& text, const LaneComparison& lane, const RenderOptions& options) {
  const bool tells = lane.in_before && lane.in_after && lane.changed();
  append(text, name_lines(lane.name, tells ? "" : "(" + shared_text(lane) + ")", options));
  if (!tells) return;
  Table table{{{"  FIGURE", false, 9}, {"BEFORE", true, 8}, {"AFTER", true, 8}, {"TREND", false, 7}}, {}};
  if (lane.status_before != lane.status_after) {
    table.rows.push_back({{"  status"}, {std::string(name_of(lane.status_before))}, {std::string(name_of(lane.status_after))}, {"changed", Tone::warning}});
  }
  for (const FigureChange& change : lane.figures) {
    table.rows.push_back({{"  " + change.metric}, {value_text(change, change.before, options)}, {value_text(change, change.after, options)},
                          {trend_text(change), tone_of(change.trend)}});
  }
  if (!table.rows.empty()) append(text, table_lines(table, options));
  if (lane.first_token_change) text += fmt::format("  the two free texts differ from step {} on\n", grouped(*lane.first_token_change));
}

}  // namespace

std::string comparison_report(const Comparison& comparison, const RenderOptions& given) {
  RenderOptions options = given;
  options.width = std::clamp(given.width, 40, 200);
  std::string text;
  append(text, warning(comparison, options));
  append(text, wrapped(headline(comparison), options.width));
  text += "\n";
  for (const LaneComparison& lane : comparison.lanes) append_lane(text, lane, options);
  return text;
}

}  // namespace kvdiff
