#include <cmath>
#include <limits>

#include "reports/chart.h"
#include "tests/catch.h"

using namespace kvdiff;

namespace {

std::string joined(const std::vector<std::string>& cells) {
  std::string text;
  for (const std::string& cell : cells) text += cell;
  return text;
}

}  // namespace

TEST_CASE("shading: a quarter of a decade each below the largest, nothing and nothing measured told apart", "[reports][shading]") {
  const std::vector<double> values = {1, 0.57, 0.55, 0.33, 0.31, 0.19, 0.17, 0.11, 0.09, 1e-9, 0, std::nan("")};
  CHECK(joined(shading(values, {40, false, 1})) == "##**++--..0 ");
  CHECK(joined(shading(values, {40, true, 1})) == "██▓▓▒▒░░··0 ");
  for (const auto& [shade, largest] : shades({40, true, 2})) CHECK(joined(shading(std::vector<double>{largest * 0.999}, {40, true, 2})) == shade);
}

TEST_CASE("shading: a cell is the largest of its share", "[reports][shading]") {
  const std::vector<double> values = {0.1, 1, 0, 0, std::nan(""), 0.2};
  CHECK(joined(shading(values, {3, false, 1})) == "#0+");
  CHECK(shading(std::vector<double>{}, {3, false, 1}).empty());
  CHECK(joined(shading(std::vector<double>{std::numeric_limits<double>::infinity()}, {3, false, 1})) == "#");
}
