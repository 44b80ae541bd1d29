#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "harness/run/prefill.h"

namespace kvdiff {

// The whole sequence once more, in one pass and without any cache.
struct Recomputation {
  std::string difference;     // where it first differed from what the stream saw; empty: bit-equal
  Values hidden;              // of the last layer, [tokens, hidden]: logits_of() makes logits of it
};

// `tokens`: everything that the stream was fed; logits are compared from token `first_logits` on.
Recomputation recompute(Engine& engine, const Stream& stream, std::span<const int32_t> tokens, int64_t first_logits);

}  // namespace kvdiff
