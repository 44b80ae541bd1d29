#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <cmath>

#include "reports/chart.h"
#include "reports/console_sections.h"
#include "reports/numbers.h"
#include "reports/text.h"

namespace kvdiff {
namespace {

struct Series {
  std::string label;  // keys, values, ...
  std::vector<double> values;
  std::string unit_place;  // "at layer", "at step"
  bool logarithmic = false;
  double largest = 0;      // top of a scale shared by all lanes; 0: its own
  std::string more;
};

std::vector<double> relative_l2(const std::vector<LayerFigures>& layers, Stage stage) {
  std::vector<double> values;
  for (const LayerFigures& layer : layers) {
    const auto one = std::ranges::find(layer.stages, stage, &StageFigures::stage);
    const Figure* figure = one == layer.stages.end() ? nullptr : find_figure(one->figures, "relative_l2");
    if (figure != nullptr) values.push_back(figure->value.value_or(std::nan("")));
  }
  return values;
}

std::string peak_text(const Series& series) {
  size_t at = series.values.size();
  for (size_t i = 0; i < series.values.size(); ++i) {
    if (std::isfinite(series.values[i]) && (at == series.values.size() || series.values[i] > series.values[at])) at = i;
  }
  if (at == series.values.size()) return "nothing finite";
  if (series.values[at] == 0) return "0 everywhere";
  return fmt::format("{} {} {}", short_number(series.values[at]), series.unit_place, at);
}

// `label  ▁▂▃▅▇  0.18 at layer 0`, cut to the room that there is: the picture shrinks first.
std::string series_text(const Series& series, int series_label, int room, const RenderOptions& options) {
  const std::string all = peak_text(series) + series.more;
  const bool has_room = room - series_label - columns(all) >= 28;
  const std::string peak = has_room ? all : peak_text(series);
  const int width = std::clamp(room - series_label - columns(peak) - 4, 8, 100);
  const std::string picture = sparkline(series.values, {width, options.unicode, series.logarithmic, series.largest});
  return clipped(fmt::format("{}  {}  {}", padded_right(series.label, series_label), picture, peak), room, options.unicode);
}

// Lines of one lane's series behind its name.
void append_lane(Lines& lines, const LaneReport& lane, int label, const std::vector<Series>& all, const RenderOptions& options) {
  int series_label = 0;
  for (const Series& series : all) series_label = std::max(series_label, columns(series.label));
  const int indent = label > 0 ? label + 2 : 2;
  std::string name = padded_right(shown(lane.name, options), label);
  if (label == 0) {
    for (std::string& line : name_lines(std::exchange(name, ""), "", options)) lines.push_back(std::move(line));
  }
  for (const Series& series : all) {
    const std::string head = painted(padded_right(name, label), Tone::strong, options) + "  ";
    lines.push_back(head + series_text(series, series_label, options.width - indent, options));
    name.clear();
  }
}

std::vector<Series> local_series(const LocalReport& local) {
  std::vector<Series> all;
  for (const auto& [stage, label] : {std::pair{Stage::key, "keys"}, {Stage::value, "values"}, {Stage::attention_output, "output"}}) {
    auto values = relative_l2(local.layers, stage);
    if (!values.empty()) all.push_back({label, std::move(values), "at layer", false, 0, ""});
  }
  return all;
}

double largest_kld(const RunReport& report) {
  double largest = 0;
  for (const LaneReport& lane : report.lanes) {
    if (!lane.forced) continue;
    for (const double kld : lane.forced->kld) {
      if (std::isfinite(kld)) largest = std::max(largest, kld);
    }
  }
  return largest;
}

std::vector<Series> forced_series(const ForcedReport& forced, double top) {
  std::vector<Series> all;
  const std::string more = forced.perplexity ? fmt::format("; perplexity x {}", short_number(forced.perplexity->ratio)) : "";
  if (!forced.kld.empty()) all.push_back({"KLD", forced.kld, "nats at step", true, top, more});
  auto hidden = relative_l2(forced.layers, Stage::hidden);
  if (!hidden.empty()) all.push_back({"hidden", std::move(hidden), "at layer", false, 0, ""});
  return all;
}

}  // namespace

Lines local_lines(const RunReport& report, const RenderOptions& options) {
  Lines lines;
  const int label = label_width(candidates(report), options);
  for (const LaneReport* lane : candidates(report)) {
    const auto all = lane->local ? local_series(*lane->local) : std::vector<Series>{};
    if (!all.empty()) append_lane(lines, *lane, label, all, options);
  }
  return lines;
}

Lines forced_lines(const RunReport& report, const RenderOptions& options) {
  Lines lines;
  const int label = label_width(candidates(report), options);
  const double top = largest_kld(report);
  for (const LaneReport* lane : candidates(report)) {
    const auto all = lane->forced ? forced_series(*lane->forced, top) : std::vector<Series>{};
    if (!all.empty()) append_lane(lines, *lane, label, all, options);
  }
  return lines;
}

}  // namespace kvdiff
