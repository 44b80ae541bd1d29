#pragma once
#include "cache_backends/device/launch.h"
#include "cache_backends/device/store.h"
#include "harness/model/compute.h"

namespace kvdiff {

// attention.h on a device: kernels over the pages of one sequence, segment after segment.
class DeviceAttention {
 public:
  DeviceAttention(device::Device& device, const AttentionShape& shape) : device_(device), shape_(shape) {}
  // logits, probs: [rows, heads, first_visible + rows - 1].
  void run(const QueryRows& rows, float* logits, float* probs) const;
  // Tokens [first, first + count) of all KV heads, rotated back: out [H, count, D].
  void decode(const KvPages& pages, Side side, int64_t first, int64_t count, float* out) const;

 private:
  struct Part {
    device::Format format;
    device::Segment segment;
  };
  using Pages = std::vector<std::shared_ptr<const KvPage>>;
  std::vector<Part> parts(const Pages& pages, int64_t tokens) const;  // of the first tokens
  void score(const QueryRows& rows, const device::AttentionRows& over, float* logits) const;
  void weigh(const QueryRows& rows, const device::AttentionRows& over, const float* probs) const;

  device::Device& device_;
  const AttentionShape& shape_;
};

}  // namespace kvdiff
