#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "harness/checks/groups.h"

// One layer against its siblings: the same part of all layers, side by side. Says what no single tensor can. Layers of a
// model differ by a factor of 4 or so in size; what is looked for here differs by much more.
namespace kvdiff {
namespace {

constexpr size_t fewest_layers = 4;

using Siblings = std::map<std::string, std::vector<const TensorFigures*>, std::less<>>;  // by part, in the order of layers

Siblings siblings_of(const std::vector<TensorFigures>& figures) {
  Siblings siblings;
  for (const TensorFigures& one : figures)
    if (const TensorPlace place = place_of(one.name); place.layer >= 0) siblings[std::string(place.part)].push_back(&one);
  return siblings;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

std::vector<double> each(const std::vector<const TensorFigures*>& tensors, double (*figure)(const TensorFigures&)) {
  std::vector<double> values;
  for (const TensorFigures* one : tensors) values.push_back(figure(*one));
  return values;
}

double size_of_values(const TensorFigures& one) { return std::sqrt(one.mean_square); }
double widest_spread(const TensorFigures& one) { return std::max(row_spread(one), column_spread(one)); }

const char* const too_few = "fewer than 4 layers to compare";

CheckResult scale(const CheckInput& input) {
  constexpr double most = 16;  // times the median, either way; trained layers stay within 5
  size_t compared = 0;
  for (const auto& [part, tensors] : siblings_of(input.model.figures)) {
    if (tensors.size() < fewest_layers || part.ends_with(".bias")) continue;
    const double middle = median(each(tensors, size_of_values));
    compared += tensors.size();
    for (const TensorFigures* one : tensors) {
      const double size = size_of_values(*one);
      if (size == 0 || middle == 0 || (size < most * middle && middle < most * size)) continue;
      return failed(fmt::format("{} of root mean square {:.3g}, the median of its siblings is {:.3g}", one->name, size, middle),
                    fmt::format("at most a factor of {} between layers", most),
                    "get the weights again, or look for a scale that was applied twice or not at all when they were converted");
    }
  }
  return compared ? passed(fmt::format("{} tensors are of the size of their siblings", compared)) : not_applicable(too_few);
}

// Rows and columns of trained weights are unlike each other; elements in any order make them alike. A matrix is accused
// only when both of its spreads lie within 5 standard deviations of what any order gives, and its siblings' are far off.
bool any_order(double spread, size_t lines) { return std::fabs(spread - 1) < 5 * std::sqrt(2.0 / static_cast<double>(lines)); }

bool looks_shuffled(const TensorFigures& one) {
  return any_order(row_spread(one), one.row_energy.size()) && any_order(column_spread(one), one.column_energy.size());
}

CheckResult order(const CheckInput& input) {
  constexpr double clearly_trained = 3;
  size_t compared = 0;
  for (const auto& [part, tensors] : siblings_of(input.model.figures)) {
    if (tensors.size() < fewest_layers || !tensors.front()->matrix()) continue;
    const double middle = median(each(tensors, widest_spread));
    if (middle < clearly_trained) continue;
    compared += tensors.size();
    for (const TensorFigures* one : tensors)
      if (looks_shuffled(*one))
        return failed(fmt::format("{}: its rows and columns are as alike as those of shuffled numbers (spread {:.2f} and {:.2f}; "
                                  "median of its siblings {:.1f})", one->name, row_spread(*one), column_spread(*one), middle),
                      "rows and columns that differ, as in the other layers",
                      "get the weights again: the tensor's elements are in a wrong order, or it was never trained");
  }
  return compared ? passed(fmt::format("{} matrices have rows and columns that differ", compared))
                  : not_applicable("fewer than 4 layers, or weights that look drawn at random in all of them");
}

// Row i of up_proj feeds column i of down_proj, so their sizes go together.
CheckResult neighbours(const CheckInput& input) {
  const Siblings siblings = siblings_of(input.model.figures);
  const auto up = siblings.find("mlp.up_proj.weight"), down = siblings.find("mlp.down_proj.weight");
  if (up == siblings.end() || down == siblings.end() || up->second.size() != down->second.size() || up->second.size() < fewest_layers)
    return not_applicable(too_few);
  std::vector<double> together;
  for (size_t i = 0; i < up->second.size(); ++i)
    together.push_back(correlation_of_logs(up->second[i]->row_energy, down->second[i]->column_energy));
  constexpr double clearly_together = 0.5;
  const double middle = median(together), unrelated = 5 / std::sqrt(static_cast<double>(up->second[0]->row_energy.size()));
  if (middle < clearly_together) return not_applicable("sizes of up_proj's rows and down_proj's columns do not go together in this model");
  for (size_t i = 0; i < together.size(); ++i)
    if (std::fabs(together[i]) < unrelated)
      return failed(fmt::format("{} and {}: the sizes of rows and columns that belong together have a correlation of {:.2f} (median of "
                                "the layers {:.2f})", up->second[i]->name, down->second[i]->name, together[i], middle),
                    fmt::format("a correlation above {:.2f}", unrelated),
                    "get the weights again: rows of one of the two are in a wrong order, or the two are of different layers");
  return passed(fmt::format("up_proj and down_proj belong together in {} layers (correlation {:.2f} in the middle)", together.size(), middle));
}

constexpr CheckRow rows[] = {
    {"weights.scale", "a tensor is far larger or smaller than the same one of other layers", "a factor below 16", needs_weights, scale},
    {"weights.order", "the elements of one matrix are shuffled, or were never trained",
     "whole rows or columns exchanged, layers exchanged, a single head's share", needs_weights, order},
    {"weights.neighbours", "rows of up_proj or columns of down_proj are in another order than their partner's, or of another layer",
     "rows exchanged in q, k, v, o or gate; both partners exchanged alike, which changes nothing", needs_weights, neighbours},
};

}  // namespace

std::span<const CheckRow> structure_checks() { return rows; }

}  // namespace kvdiff
