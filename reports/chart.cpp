#include "reports/chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

namespace kvdiff {
namespace {

constexpr std::array<std::string_view, 9> blocks = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array<std::string_view, 9> ascii_heights = {" ", "_", ".", "-", "~", "=", "+", "*", "#"};
constexpr std::array<std::string_view, 9> partial_bars = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
constexpr double decades = 4;

// The largest of each share; not a number wins over all.
std::vector<double> shares(std::span<const double> values, int width) {
  const size_t count = std::min(values.size(), static_cast<size_t>(std::max(width, 1)));
  std::vector<double> result(count, 0.0);
  for (size_t i = 0; i < values.size(); ++i) {
    double& cell = result[i * count / values.size()];
    if (!std::isfinite(values[i])) cell = std::numeric_limits<double>::quiet_NaN();
    else if (!std::isnan(cell)) cell = std::max(cell, values[i]);
  }
  return result;
}

double largest_of(std::span<const double> values) {
  double largest = 0;
  for (const double value : values) {
    if (std::isfinite(value)) largest = std::max(largest, value);
  }
  return largest;
}

// 0 for nothing, 1 ... 8 for the height.
size_t height_of(double value, double largest, bool logarithmic) {
  if (value <= 0 || largest <= 0) return 0;
  const double share = logarithmic ? 1 + std::log10(value / largest) / decades : value / largest;
  return static_cast<size_t>(std::clamp(std::ceil(share * 8), 1.0, 8.0));
}

constexpr std::array<std::string_view, 5> shade_blocks = {"·", "░", "▒", "▓", "█"};
constexpr std::array<std::string_view, 5> shade_ascii = {".", "-", "+", "*", "#"};
constexpr double shade_decades = 1.25;  // a quarter of a decade each

std::string_view shade_of(double value, const ShadingStyle& style) {
  if (std::isnan(value)) return " ";
  if (value <= 0 || style.largest <= 0) return "0";
  constexpr auto count = static_cast<double>(shade_blocks.size());
  const double place = std::ceil((1 + std::log10(value / style.largest) / shade_decades) * count);
  const auto index = static_cast<size_t>(std::clamp(place, 1.0, count)) - 1;
  return style.unicode ? shade_blocks[index] : shade_ascii[index];
}

}  // namespace

std::vector<std::string> shading(std::span<const double> values, const ShadingStyle& style) {
  const size_t count = std::min(values.size(), static_cast<size_t>(std::max(style.width, 1)));
  std::vector<double> largest(count, std::nan(""));
  for (size_t i = 0; i < values.size(); ++i) {
    double& cell = largest[i * count / values.size()];
    if (!std::isnan(values[i]) && !(values[i] <= cell)) cell = values[i];
  }
  std::vector<std::string> cells;
  for (const double value : largest) cells.emplace_back(shade_of(value, style));
  return cells;
}

std::vector<std::pair<std::string, double>> shades(const ShadingStyle& style) {
  std::vector<std::pair<std::string, double>> all;
  const auto& characters = style.unicode ? shade_blocks : shade_ascii;
  for (size_t i = 0; i < characters.size(); ++i) {
    const double below = shade_decades * (1 - static_cast<double>(i + 1) / static_cast<double>(characters.size()));
    all.emplace_back(characters[i], style.largest * std::pow(10, -below));
  }
  return all;
}

std::string sparkline(std::span<const double> values, const SparklineStyle& style) {
  const std::vector<double> cells = shares(values, style.width);
  const double largest = style.largest > 0 ? style.largest : largest_of(cells);
  const auto& heights = style.unicode ? blocks : ascii_heights;
  std::string result;
  for (const double cell : cells) {
    result += std::isnan(cell) ? "!" : heights[height_of(cell, largest, style.logarithmic)];
  }
  return result;
}

std::string bar(double value, double largest, int width, bool unicode) {
  if (!std::isfinite(value)) return "!" + std::string(static_cast<size_t>(std::max(width - 1, 0)), ' ');
  const double share = largest > 0 ? std::clamp(value / largest, 0.0, 1.0) : 0.0;
  const auto eighths = static_cast<size_t>(std::ceil(share * width * 8));
  std::string result;
  for (size_t i = 0; i < eighths / 8; ++i) result += unicode ? "█" : "#";
  size_t used = eighths / 8;
  if (eighths % 8 != 0) {
    result += unicode ? partial_bars[eighths % 8] : "#";
    ++used;
  }
  return result + std::string(static_cast<size_t>(width) - used, ' ');
}

}  // namespace kvdiff
