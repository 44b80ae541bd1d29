#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "harness/model/files/folder.h"
#include "harness/run/run.h"

namespace kvdiff {

// An independent reading of the Llama family: ATen in float64, the whole text at once, no cache, none of our kernels.
// Shared with the exact path are only the checkpoint (rounded to the compute type) and the float32 RoPE tables.
class Float64Oracle {
 public:
  Float64Oracle(const ModelFiles& files, Dtype dtype, int threads);
  ~Float64Oracle();
  // Hidden states after the last layer are kept; logits(i) are those of token i of the last run().
  void run(std::span<const int32_t> tokens);
  std::vector<double> logits(int64_t token) const;  // [vocabulary]

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// MeasureFloor of run.h.
std::vector<double> measure_floor(const FloorRequest& request);

}  // namespace kvdiff
