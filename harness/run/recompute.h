#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "harness/run/prefill.h"

namespace kvdiff {

// Where a recomputation without any cache first differed from what the stream saw; empty: bit-equal.
// `tokens`: everything that the stream was fed; logits are compared from token `first_logits` on.
std::string recompute_difference(Engine& engine, const Stream& stream, std::span<const int32_t> tokens,
                                 int64_t first_logits);

}  // namespace kvdiff
