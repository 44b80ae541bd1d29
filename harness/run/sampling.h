#pragma once
#include <cstdint>
#include <span>

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
// device: in whose memory the logits lie, null: the host's. The choice is the same.
int32_t choose_token(std::span<const float> logits, const Sampling& sampling, int64_t step, device::Device* device = nullptr);

}  // namespace kvdiff
