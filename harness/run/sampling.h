#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "cache_backends/device/array.h"
#include "cache_backends/device/kernels/row_figures.h"
#include "harness/parallel.h"

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

// The same choice for several rows of one step: on the host at once, by all threads. On a device it is started for all rows, and
// comes over in one copy (two where the sampling draws), for which nobody waits before a token is asked for.
class TokenChoices {
 public:
  // device: in whose memory the rows lie, null: the host's.
  TokenChoices(const Sampling& sampling, int64_t step, device::Device* device) : sampling_(sampling), step_(step), device_(device) {}
  // All rows are of one size; they stay as they are until the last token was asked for. Returns the row's number; the same for
  // the same row.
  size_t add(std::span<const float> logits);
  void start(ThreadPool& pool);  // once
  int32_t token(size_t row) const;

 private:
  void start_on_device();
  int32_t drawn_on_device(size_t row) const;
  size_t asked_of(size_t columns) const;

  Sampling sampling_;
  int64_t step_;
  device::Device* device_;
  std::vector<std::span<const float>> rows_;
  std::vector<int32_t> here_;                   // the host's
  device::Reading<int32_t> tokens_;             // a device's, [rows]; where nothing is filtered
  device::Reading<device::TokenScore> scores_;  // [rows]; where the sampling draws
  device::Reading<device::TokenLogit> largest_; // [rows, asked_of()]; where top-k or top-p filters
};

}  // namespace kvdiff
