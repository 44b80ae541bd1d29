#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "cache_backends/device/device.h"
#include "cache_backends/device/kernels/row_figures.h"
#include "harness/parallel.h"

namespace kvdiff {

using device::TokenLogit;

// log-softmax(x) = x - largest - log_sum, over the finite logits alone: a broken logit takes no probability from the others.
struct LogSum {
  double largest = 0, log_sum = 0;  // 0 where no logit is finite
  double logprob(double logit) const { return logit - largest - log_sum; }
};

// One row of logits, on the host or on a device, which answers with the same bits and brings over no more than is asked for.
// Only a row with NaN or infinity in it is brought over whole.
class LogitRow {
 public:
  explicit LogitRow(std::span<const float> logits);  // of the host, which outlives this
  // device: whose memory they lie in; null: the host's.
  LogitRow(std::span<const float> logits, device::Device* device);

  int64_t size() const { return size_; }
  float at(int32_t id) const;
  LogSum log_sum() const;
  // The `count` largest that come behind `after` (none: from the start), falling; equals: the lowest id first; NaN is none of
  // them. Fewer, where there are no more.
  std::vector<TokenLogit> largest(int64_t count, std::optional<TokenLogit> after = std::nullopt) const;
  // Sum of exp((x - largest x) / temperature) in the written order of kernels/row_kernels.h; a NaN weighs nothing.
  double weight(double temperature) const;
  // The token of the largest x / temperature + noise (cache_backends/kernels/token_noise.h), the lowest id wins ties; NaN is
  // never chosen, and 0 is when there is nothing else.
  int32_t noisiest(double temperature, uint64_t key) const;

 private:
  device::TokenScore score(double temperature) const;
  std::span<const float> logits_;
  int64_t size_;
  device::Device* device_ = nullptr;  // null: logits_ lies on the host
  std::vector<float> brought_;
};

// -ln p of a token in each row, nats; NaN for rows that are not finite. logits [rows, vocabulary].
std::vector<double> nll_of_rows(std::span<const float> logits, std::span<const int32_t> tokens, device::Device* device,
                                ThreadPool& pool);

}  // namespace kvdiff
