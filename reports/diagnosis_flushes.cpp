#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/diagnosis_sections.h"
#include "reports/markdown_text.h"
#include "reports/numbers.h"
#include "reports/table.h"
#include "reports/text.h"

namespace kvdiff {
namespace {

constexpr size_t most_flushes = 12;
const std::vector<std::string> titles = {"STEP", "TOKENS", "TIMES", "CHANGED", "KEY ERROR", "VALUE ERROR", "CHAINED", "KLD"};

// `from to now`, where something was there before.
std::string change(const std::optional<double>& before, const std::optional<double>& after, const RenderOptions& options) {
  const auto one = [&](const std::optional<double>& value) { return value && std::isfinite(*value) ? short_number(*value) : dash(options); };
  return fmt::format("{} to {}", one(before), one(after));
}

const FlushSide* side_of(const FlushRecord& flush, Side side) {
  const auto found = std::ranges::find(flush.sides, side, &FlushSide::side);
  return found == flush.sides.end() ? nullptr : &*found;
}

std::string range(int64_t least, int64_t most) { return least == most ? std::to_string(least) : fmt::format("{}-{}", least, most); }

// Keys and values where both have it and differ: `1.8 / 1.2`.
template <class Text> std::string of_sides(const FlushRecord& flush, const Text& text) {
  std::string first = text(flush.sides[0]);
  if (flush.sides.size() < 2) return first;
  const std::string second = text(flush.sides[1]);
  return first == second ? first : fmt::format("{} / {}", first, second);
}

std::vector<std::string> row_of(const FlushRecord& flush, const RenderOptions& options) {
  const auto error = [&](Side side) {
    const FlushSide* one = side_of(flush, side);
    return one ? change(one->before, one->after, options) : dash(options);
  };
  return {grouped(flush.step), of_sides(flush, [](const FlushSide& one) { return grouped(one.tokens); }),
          of_sides(flush, [](const FlushSide& one) { return range(one.least_times, one.most_times); }),
          of_sides(flush, [&](const FlushSide& one) {
            return one.compared == 0 ? dash(options) : percent_text(static_cast<double>(one.changed) / static_cast<double>(one.compared));
          }),
          error(Side::key), error(Side::value),
          of_sides(flush, [&](const FlushSide& one) { return one.most_times < 2 ? dash(options) : fmt::format("{:.2f}", one.chained_over_one_shot()); }),
          change(flush.kld_before, flush.kld_after, options)};
}

// All of them, or some from the first to the last.
std::vector<const FlushRecord*> shown_flushes(const LaneFlushes& lane) {
  std::vector<const FlushRecord*> some;
  const size_t count = std::min(most_flushes, lane.flushes.size());
  for (size_t i = 0; i < count; ++i) some.push_back(&lane.flushes[count == 1 ? 0 : i * (lane.flushes.size() - 1) / (count - 1)]);
  return some;
}

std::string last_error(const LaneFlushes& lane) {
  std::string text;
  for (const Side side : {Side::key, Side::value}) {
    const FlushSide* last = nullptr;
    for (const FlushRecord& flush : lane.flushes)
      if (const FlushSide* one = side_of(flush, side)) last = one;
    if (!last) continue;
    text += fmt::format("{}{}s {}", text.empty() ? "" : "; ", name_of(side), short_number(last->after));
    if (last->most_times > 1) text += fmt::format(", {:.2f} times that of one encoding", last->chained_over_one_shot());
    if (last->worst_layer >= 0) text += fmt::format(" (layer {}: {})", last->worst_layer, short_number(last->worst_layer_error));
  }
  return text;
}

std::string lane_text(const LaneFlushes& lane) {
  if (lane.flushes.empty()) return fmt::format("{}: never encodes in this text.", lane.name);
  const std::string again = lane.encodes_again ? "whole histories again" : "each token once";
  return fmt::format("{}: {}, {}; error after the last, and of its worst layer: {}.", lane.name, counted(static_cast<int64_t>(lane.flushes.size()), "flush", "flushes"), again,
                     last_error(lane));
}

std::string cost_text(const Diagnosis& diagnosis) {
  const RequantizationCost& cost = diagnosis.flushes.cost;
  if (!cost.recovery) return cost.reason.empty() ? "" : fmt::format("Cost of encoding again: {}.", cost.reason);
  return fmt::format("Cost of encoding again, steps {} to {}: KLD {} as it is, {} with each history encoded from the values as given; {} of the divergence.",
                     diagnosis.window_first, diagnosis.window_first + diagnosis.window_steps - 1, short_number(diagnosis.candidate_kld),
                     short_number(*cost.kld_one_shot), percent_text(*cost.recovery));
}

std::string explanation(const LaneFlushes& lane) {
  std::string text = fmt::format("Fed with the reference's keys and values. Step: whose token was appended; 0 is the prompt. Tokens: encoded then. Times: how often "
                                 "each of them has been encoded. Changed: elements held as codes before that decode to another number now. Errors: of "
                                 "the whole history against the values as given, before to after. KLD: mean of {} steps before to after, forced.", LaneFlushes::kld_steps);
  if (lane.encodes_again) text += " Chained: the error after over the one it would have, had this flush encoded the values as given.";
  return text;
}

std::vector<std::vector<std::string>> rows_of(const LaneFlushes& lane, const RenderOptions& options) {
  std::vector<std::vector<std::string>> rows;
  for (const FlushRecord* flush : shown_flushes(lane)) rows.push_back(row_of(*flush, options));
  return rows;
}

// What is said in sentences, below the table.
std::vector<std::string> sentences(const Diagnosis& diagnosis) {
  const std::vector<LaneFlushes>& lanes = diagnosis.flushes.lanes;
  std::vector<std::string> all;
  if (lanes[0].flushes.size() > most_flushes) all.push_back(fmt::format("{} of {} flushes; all of them are in the JSON report.", most_flushes, lanes[0].flushes.size()));
  if (!lanes[0].flushes.empty()) all.push_back(explanation(lanes[0]));
  if (std::string cost = cost_text(diagnosis); !cost.empty()) all.push_back(std::move(cost));
  for (const LaneFlushes& lane : lanes) all.push_back(lane_text(lane));
  return all;
}

}  // namespace

Lines flush_lines(const Diagnosis& diagnosis, const RenderOptions& options) {
  if (diagnosis.flushes.lanes.empty()) return {};
  Lines lines;
  if (const auto rows = rows_of(diagnosis.flushes.lanes[0], options); !rows.empty()) {
    Table table;
    for (const std::string& title : titles) table.columns.push_back({title, !table.columns.empty(), title == "TOKENS" ? 0 : 9});
    for (const std::vector<std::string>& row : rows) {
      table.rows.emplace_back();
      for (const std::string& cell : row) table.rows.back().push_back({cell});
    }
    lines = table_lines(table, options);
  }
  for (const std::string& sentence : sentences(diagnosis))
    for (std::string& line : wrapped(shown(sentence, options), options.width)) lines.push_back(std::move(line));
  return lines;
}

std::string flush_markdown(const Diagnosis& diagnosis) {
  if (diagnosis.flushes.lanes.empty()) return "";
  RenderOptions options;
  options.unicode = true;
  std::string text = "\nFlushes:\n" + markdown_table(titles, rows_of(diagnosis.flushes.lanes[0], options));
  for (const std::string& sentence : sentences(diagnosis)) text += "\n" + markdown_text(sentence) + "\n";
  return text;
}

}  // namespace kvdiff
