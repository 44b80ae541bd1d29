#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "cache_backends/device/device.h"

namespace kvdiff {

struct Sampling {
  double temperature = 0;  // 0: greedy
  int64_t top_k = 0;       // 0: all
  double top_p = 1;
  uint64_t seed = 0;
};

// Largest logit, the lowest id wins ties; NaN is never chosen, and 0 is when there is nothing else.
int32_t greedy_token(std::span<const float> logits);

// argmax over logit / temperature + Gumbel noise, among the tokens that top-k and then top-p leave (the filters of
// transformers 5.23). The noise is a function of (seed, step, token id) alone, so equal logits choose equal tokens in
// every lane, and lanes that differ a little choose the same token as often as they can.
int32_t choose_token(std::span<const float> logits, const Sampling& sampling, int64_t step);

// The same of logits in the memory of a device: greedy choices are made there, for all rows at once; a row that is sampled from
// is copied out. logits: [rows, vocabulary].
std::vector<int32_t> choose_tokens(device::Device& device, std::span<const float> logits, int64_t rows, const Sampling& sampling,
                                   int64_t step);

}  // namespace kvdiff
