#pragma once
#include <span>
#include <string>

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

// One bar of value / largest of `width` columns, padded with spaces to that width.
std::string bar(double value, double largest, int width, bool unicode);

}  // namespace kvdiff
