#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/chart.h"
#include "reports/diagnosis_sections.h"
#include "reports/numbers.h"
#include "reports/text.h"

namespace kvdiff {
namespace {

constexpr size_t most_rows = 16;

std::string title_of(const ErrorMap& map) {
  if (map.mode == Mode::local) return "attention output, born in that layer: it is given the reference's own queries, keys and values";
  return fmt::format("{} state behind that layer, with all that has arrived from the layers and steps before", name_of(map.map.stage));
}

double largest_of(const HeatMapReport& map) {
  double largest = 0;
  for (const std::vector<double>& row : map.relative_l2)
    for (const double value : row)
      if (std::isfinite(value)) largest = std::max(largest, value);
  return largest;
}

// Layers [first, last): the largest of each column.
std::vector<double> joined(const HeatMapReport& map, size_t first, size_t last) {
  std::vector<double> row = map.relative_l2[first];
  for (size_t layer = first + 1; layer < last; ++layer)
    for (size_t i = 0; i < row.size(); ++i)
      if (const double value = map.relative_l2[layer][i]; !std::isnan(value) && !(value <= row[i])) row[i] = value;
  return row;
}

std::string painted_row(const std::vector<std::string>& cells, const ShadingStyle& style, const RenderOptions& options) {
  const auto all = shades(style);
  const auto tone_of = [&](const std::string& cell) {
    if (cell == all[4].first) return Tone::bad;
    if (cell == all[3].first) return Tone::warning;
    return cell == all[0].first ? Tone::dim : Tone::plain;
  };
  std::string text;
  for (size_t i = 0; i < cells.size();) {
    size_t end = i;
    std::string run;
    while (end < cells.size() && tone_of(cells[end]) == tone_of(cells[i])) run += cells[end++];
    text += painted(run, tone_of(cells[i]), options);
    i = end;
  }
  return text;
}

std::string legend(const ShadingStyle& style) {
  std::string text = "relative error:";
  for (const auto& [shade, value] : shades(style)) text += fmt::format("  {} up to {}", shade, short_number(value));
  return text + "; each cell: the largest of its steps and layers";
}

void append(const ErrorMap& one, Lines& lines, const RenderOptions& options) {
  const HeatMapReport& map = one.map;
  const size_t layers = map.relative_l2.size(), joint = (layers + most_rows - 1) / most_rows;
  if (layers == 0 || map.relative_l2[0].empty()) return;
  const int label = joint == 1 ? 11 : 15;
  const ShadingStyle style{std::max(8, options.width - label), options.unicode, largest_of(map)};
  for (std::string& line : wrapped(title_of(one), options.width)) lines.push_back(std::move(line));
  for (size_t first = 0; first < layers; first += joint) {
    const size_t last = std::min(layers, first + joint);
    const std::string name = last - first == 1 ? fmt::format("layer {}", first) : fmt::format("layers {}-{}", first, last - 1);
    const std::string cells = painted_row(shading(joined(map, first, last), style), style, options);
    lines.push_back(padded_right("  " + name, label) + cells);
  }
  const auto width = static_cast<int>(std::min(map.relative_l2[0].size(), static_cast<size_t>(style.width)));
  const std::string last = fmt::format("step {}", map.steps - 1);
  lines.push_back(std::string(static_cast<size_t>(label), ' ') + padded_right("step 0", std::max(7, width - columns(last))) + last);
  for (std::string& line : wrapped(legend(style), options.width - 2)) lines.push_back("  " + line);
}

}  // namespace

Lines error_map_lines(const Diagnosis& diagnosis, const RenderOptions& options) {
  Lines lines;
  for (const ErrorMap& map : diagnosis.error_maps) append(map, lines, options);
  return lines;
}

std::string error_map_markdown(const Diagnosis& diagnosis) {
  RenderOptions options;
  options.width = 100;
  options.unicode = true;
  options.color = false;
  const Lines lines = error_map_lines(diagnosis, options);
  if (lines.empty()) return "";
  std::string text = "\nError by layer and step:\n\n```\n";
  for (const std::string& line : lines) text += line + "\n";
  return text + "```\n";
}

}  // namespace kvdiff
