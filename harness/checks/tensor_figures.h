#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/model/files/weights.h"

namespace kvdiff {

// One pass over a tensor. Values that are not finite are counted and left out of the rest.
struct TensorFigures {
  std::string name;
  std::vector<int64_t> shape;
  int64_t count = 0, nan = 0, infinite = 0;
  double least = 0, most = 0;
  double mean_square = 0;
  double kurtosis = 0;              // mean(x^4) / mean(x^2)^2; 3 for a normal distribution, 0 where all is zero
  int64_t zero_rows = 0;            // of a matrix
  std::vector<double> row_energy;   // mean(x^2) of each row; empty for other than matrices
  std::vector<double> column_energy;
  bool matrix() const { return shape.size() == 2; }
  bool all_zero() const { return count > 0 && least == 0 && most == 0; }
  bool constant() const { return count > 1 && least == most; }
  double largest() const { return most > -least ? most : -least; }
};

// Of every tensor of a type that kvdiff reads, by name.
std::vector<TensorFigures> figures_of(const Weights& weights);

// How much unlike each other the rows (columns) are: variance(energy) / mean(energy)^2, over what it would be if the
// elements stood in any order, (kurtosis - 1) / elements per row. About 1 (within sqrt(2 / rows)) for shuffled or freshly
// drawn weights; trained rows differ, and give more.
double row_spread(const TensorFigures& figures);
double column_spread(const TensorFigures& figures);

// Of the logarithms; both of one length. 0 where one does not vary.
double correlation_of_logs(const std::vector<double>& a, const std::vector<double>& b);

// "model.layers.12.mlp.up_proj.weight": 12 and "mlp.up_proj.weight"; -1 and the whole name for what is in no layer.
struct TensorPlace {
  int64_t layer = -1;
  std::string_view part;
};
TensorPlace place_of(std::string_view name);

}  // namespace kvdiff
