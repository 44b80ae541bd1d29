#pragma once
#include <memory>
#include <vector>

#include "harness/diagnose/parts.h"
#include "harness/run/prefill.h"

namespace kvdiff {

// What the reference wrote for a text: K and V of each layer, [H, T, D], in full precision. Computed once more in one
// piece, which gives the same bits.
struct Material {
  CacheShape shape;
  int64_t prompt = 0, tokens = 0;
  std::vector<std::vector<float>> key, value;  // by layer
  const std::vector<float>& of(int layer, Side side) const {
    return (side == Side::key ? key : value)[static_cast<size_t>(layer)];
  }
  void crop(int64_t first_tokens);  // keeps the first, at most as many as there are
};
Material material_of(Engine& engine, std::span<const int32_t> prompt, std::span<const int32_t> text);

// What a restoring patch reads. It sees into `material`, which must outlive it.
std::shared_ptr<const PatchSource> source_of(const Material& material);

// Channels of one KV head, those first whose values lie farthest from the mean of their token and head (mean distance over
// all tokens): the ones that stretch a scale.
std::vector<int64_t> deviating_channels(const Material& material, const Part& part);

}  // namespace kvdiff
