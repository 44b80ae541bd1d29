#include "harness/metrics/row_metrics.h"

#include <cmath>

namespace kvdiff {

namespace {

PairSums sums_of(const float* reference, const float* candidate, size_t size) {
  return row_kernels().pair_sums(reference, candidate, static_cast<int64_t>(size));
}

RowResult measure_broken_row(const RowPair& row, RowWorkspace& workspace) {
  RowResult result;
  workspace.reference.assign(row.reference.begin(), row.reference.end());
  workspace.candidate.assign(row.candidate.begin(), row.candidate.end());
  for (size_t i = 0; i < row.reference.size(); ++i) {
    const bool reference_broken = !std::isfinite(row.reference[i]), candidate_broken = !std::isfinite(row.candidate[i]);
    if (!reference_broken && !candidate_broken) {
      ++result.compared;
      continue;
    }
    const auto index = static_cast<int64_t>(i);
    if (result.finite()) result.first_not_finite = index;
    if (reference_broken && result.first_not_finite_reference < 0) result.first_not_finite_reference = index;
    result.not_finite_reference += reference_broken;
    result.not_finite_candidate += candidate_broken;
    workspace.reference[i] = workspace.candidate[i] = 0;
  }
  result.sums = sums_of(workspace.reference.data(), workspace.candidate.data(), row.reference.size());
  return result;
}

}  // namespace

RowResult measure_row(const RowPair& row, RowWorkspace& workspace) {
  RowResult result;
  result.sums = sums_of(row.reference.data(), row.candidate.data(), row.reference.size());
  // Squares of finite floats cannot overflow a double, so these two are finite exactly where all values are.
  if (!std::isfinite(result.sums.reference_squared) || !std::isfinite(result.sums.candidate_squared))
    return measure_broken_row(row, workspace);
  result.compared = static_cast<int64_t>(row.reference.size());
  return result;
}

int64_t index_of_max_abs(const RowPair& row, double max_abs) {
  for (size_t i = 0; i < row.reference.size(); ++i)
    if (std::fabs(static_cast<double>(row.reference[i]) - static_cast<double>(row.candidate[i])) == max_abs)
      return static_cast<int64_t>(i);
  return -1;
}

}  // namespace kvdiff
