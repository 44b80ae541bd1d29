#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "cache_backends/dtype.h"
#include "harness/model/files/rope.h"

namespace kvdiff {

// Angles of the rotary position embedding of the Llama family: pairs (i, i + D/2), each product and the sum rounded to the dtype
// (compute.h, rotate).
class Rotary {
 public:
  Rotary(const RopeConfig& config, int64_t head_size, Dtype dtype);

  // Must have been called for a row's position and length before angles() is asked for it.
  void prepare(int64_t position, int64_t length);
  // D / 2 cosines, then as many sines, rounded to the dtype. `length`: of the sequence at this pass (dynamic scaling only).
  std::span<const float> angles(int64_t position, int64_t length) const;

 private:
  using Row = std::vector<float>;  // D/2 cosines, D/2 sines, rounded to the dtype
  Row make_row(const RopeTable& table, int64_t index) const;
  bool rescaled(int64_t length) const;

  RopeConfig config_;
  int64_t head_size_;
  Dtype dtype_;
  RopeFrequencies frequencies_;
  std::vector<Row> rows_;                               // by position
  std::map<std::pair<int64_t, int64_t>, Row> dynamic_;  // by length and position, beyond the trained length
};

}  // namespace kvdiff
