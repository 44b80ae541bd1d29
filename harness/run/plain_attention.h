#pragma once
#include "harness/run/prefill.h"

namespace kvdiff {

// Attention of one whole pass over its own keys and values: plain numbers, no cache. One sequence, from position 0.
class PlainAttention : public AttentionSite {
 public:
  explicit PlainAttention(Engine& engine) : engine_(engine) {}
  void attend(int layer, const LayerRows& rows, std::span<float> out) override;

 private:
  Engine& engine_;
};

}  // namespace kvdiff
