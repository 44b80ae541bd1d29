#include "harness/checks/tensor_figures.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace kvdiff {
namespace {

struct Sums {
  double square = 0, fourth = 0;
};

// One row's values into the figures; its own sum of squares comes back.
double add_row(std::span<const float> row, TensorFigures& figures, Sums& sums) {
  double square = 0, fourth = 0;
  float least = std::numeric_limits<float>::infinity(), most = -least;
  for (size_t i = 0; i < row.size(); ++i) {
    const float value = row[i];
    if (!std::isfinite(value)) {
      ++(std::isnan(value) ? figures.nan : figures.infinite);
      continue;
    }
    const double energy = static_cast<double>(value) * static_cast<double>(value);
    square += energy;
    fourth += energy * energy;
    if (figures.matrix()) figures.column_energy[i] += energy;
    least = std::min(least, value);
    most = std::max(most, value);
  }
  figures.least = std::min(figures.least, static_cast<double>(least));
  figures.most = std::max(figures.most, static_cast<double>(most));
  sums.square += square;
  sums.fourth += fourth;
  return square;
}

void finish(const Sums& sums, int64_t rows, TensorFigures& figures) {
  const auto finite = static_cast<double>(figures.count - figures.nan - figures.infinite);
  if (finite == 0) figures.least = figures.most = 0;
  if (sums.square <= 0) return;
  figures.mean_square = sums.square / finite;
  figures.kurtosis = sums.fourth / finite / (figures.mean_square * figures.mean_square);
  for (double& energy : figures.column_energy) energy /= static_cast<double>(rows);
}

TensorFigures figures_of(const TensorEntry& tensor) {
  TensorFigures figures;
  figures.name = tensor.name;
  figures.shape = tensor.shape;
  figures.count = 1;
  for (const int64_t size : tensor.shape) figures.count *= size;
  if (figures.count == 0) return figures;
  figures.least = std::numeric_limits<double>::infinity();
  figures.most = -figures.least;
  const int64_t width = figures.matrix() ? tensor.shape[1] : figures.count;
  if (figures.matrix()) figures.column_energy.resize(static_cast<size_t>(width));
  std::vector<float> row(static_cast<size_t>(width));
  Sums sums;
  for (int64_t first = 0; first < figures.count; first += width) {
    read_elements(tensor, first, row);
    const double square = add_row(row, figures, sums);
    if (!figures.matrix()) continue;
    figures.zero_rows += square == 0;
    figures.row_energy.push_back(square / static_cast<double>(width));
  }
  finish(sums, figures.count / width, figures);
  return figures;
}

double spread(const std::vector<double>& energies, double kurtosis, int64_t elements) {
  if (energies.size() < 2 || kurtosis <= 1) return 0;
  double mean = 0, variance = 0;
  for (const double energy : energies) mean += energy;
  mean /= static_cast<double>(energies.size());
  for (const double energy : energies) variance += (energy - mean) * (energy - mean);
  variance /= static_cast<double>(energies.size());
  return variance / (mean * mean) * static_cast<double>(elements) / (kurtosis - 1);
}

}  // namespace

std::vector<TensorFigures> figures_of(const Weights& weights) {
  std::vector<TensorFigures> all;
  for (const TensorEntry* tensor : weights.tensors())
    if (tensor->type != StoredType::other) all.push_back(figures_of(*tensor));
  return all;
}

double row_spread(const TensorFigures& figures) {
  return figures.matrix() ? spread(figures.row_energy, figures.kurtosis, figures.shape[1]) : 0;
}

double column_spread(const TensorFigures& figures) {
  return figures.matrix() ? spread(figures.column_energy, figures.kurtosis, figures.shape[0]) : 0;
}

double correlation_of_logs(const std::vector<double>& a, const std::vector<double>& b) {
  constexpr double smallest = 1e-30;
  const auto count = static_cast<double>(std::min(a.size(), b.size()));
  double sum_a = 0, sum_b = 0, aa = 0, bb = 0, ab = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double x = std::log(a[i] + smallest), y = std::log(b[i] + smallest);
    sum_a += x, sum_b += y, aa += x * x, bb += y * y, ab += x * y;
  }
  const double varied = (aa - sum_a * sum_a / count) * (bb - sum_b * sum_b / count);
  return varied > 0 ? (ab - sum_a * sum_b / count) / std::sqrt(varied) : 0;
}

TensorPlace place_of(std::string_view name) {
  constexpr std::string_view prefix = "model.layers.";
  if (!name.starts_with(prefix)) return {-1, name};
  const std::string_view rest = name.substr(prefix.size());
  int64_t layer = -1;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), layer);
  if (error != std::errc{} || end == rest.data() + rest.size() || *end != '.') return {-1, name};
  return {layer, rest.substr(static_cast<size_t>(end - rest.data()) + 1)};
}

}  // namespace kvdiff
