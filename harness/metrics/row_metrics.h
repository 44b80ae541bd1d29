#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "harness/metrics/kernels/row_kernels.h"
#include "harness/observer.h"

namespace kvdiff {

// Copies of a row in which broken pairs are replaced; empty as long as everything is finite.
struct RowWorkspace {
  std::vector<float> reference, candidate;
};

struct RowPair {
  std::span<const float> reference, candidate;  // equal lengths
};

struct RowResult {
  PairSums sums;        // over the finite pairs
  int64_t compared = 0;
  int64_t not_finite_reference = 0, not_finite_candidate = 0;
  int64_t first_not_finite = -1;  // index of the first broken pair
  int64_t first_not_finite_reference = -1;
  bool finite() const { return first_not_finite < 0; }
};

// Finds NaN and infinity first; where there are any, the pair counts as (0, 0) in the sums.
RowResult measure_row(const RowPair& row, RowWorkspace& workspace);

// The first index whose |reference - candidate| is the given maximum.
int64_t index_of_max_abs(const RowPair& row, double max_abs);

}  // namespace kvdiff
