#pragma once
#include <cstdint>
#include <vector>

#include "harness/observer.h"

// Observations made by hand, and tensors that are the same on every machine.
namespace kvdiff::test {

// Evenly spread over -1 .. 1 by a golden-ratio sequence, every tenth value five times as large (an outlier channel).
inline std::vector<float> tensor(int64_t size, int64_t seed) {
  std::vector<float> values;
  for (int64_t i = 0; i < size; ++i) {
    const uint64_t turn = static_cast<uint64_t>(i + 1 + 7919 * seed) * 0x9e3779b97f4a7c15u;
    const double unit = static_cast<double>(turn >> 11) * 0x1p-53;
    values.push_back(static_cast<float>((2 * unit - 1) * (i % 10 == 9 ? 5 : 1)));
  }
  return values;
}

struct Pair {
  std::vector<float> reference, candidate;
};

inline Observation observe(Stage stage, const Pair& pair, int64_t rows = 1) {
  Observation observation;
  observation.lane = 2;
  observation.stage = stage;
  observation.layer = stage == Stage::logits ? -1 : 0;
  observation.rows = rows;
  observation.columns = static_cast<int64_t>(pair.reference.size()) / rows;
  observation.reference = pair.reference;
  observation.candidate = pair.candidate;
  return observation;
}

}  // namespace kvdiff::test
