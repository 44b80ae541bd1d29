#pragma once
#include <string>
#include <vector>

#include "harness/model/files/config.h"
#include "harness/model/files/weights.h"

namespace kvdiff {

struct ExpectedTensor {
  std::string name;
  std::vector<int64_t> shape;
};

// The tensors of a Llama checkpoint, in the order of the forward pass; lm_head.weight only when it is not tied.
std::vector<ExpectedTensor> llama_tensors(const ModelConfig& config);

// Throws one UserError(input) that lists every tensor missing, of another shape, or of a type that is not F32, F16 or
// BF16, and an lm_head that differs from the embedding it is said to be tied to. Returns warnings: tensors that the
// model has no use for.
std::vector<std::string> check_tensors(const ModelConfig& config, const Weights& weights);

}  // namespace kvdiff
