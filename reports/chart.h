#pragma once
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace kvdiff {

// Small pictures of numbers, one character per cell. Values below 0 count as 0; what is not finite is drawn as `!`.

// Values side by side, each cell the largest of its share, heights from 0 to `largest`.
// `logarithmic` spreads the four decades below it over the heights.
struct SparklineStyle {
  int width = 40;      // columns; fewer values than that take one column each
  bool unicode = true, logarithmic = false;
  double largest = 0;  // the top of the scale; 0: the largest of these values
};
std::string sparkline(std::span<const double> values, const SparklineStyle& style);

// Values side by side as five shades, a quarter of a decade each, the darkest up to `largest`, the lightest for all that is
// smaller; each cell the largest of its share. A 0: not one bit differs; a space: not a number, nothing was measured there.
struct ShadingStyle {
  int width = 40;
  bool unicode = true;
  double largest = 0;
};
std::vector<std::string> shading(std::span<const double> values, const ShadingStyle& style);  // one cell each
// The shades, lightest first, each with the largest value that it stands for.
std::vector<std::pair<std::string, double>> shades(const ShadingStyle& style);

// One bar of value / largest of `width` columns, padded with spaces to that width.
std::string bar(double value, double largest, int width, bool unicode);

}  // namespace kvdiff
