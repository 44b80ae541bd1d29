#include "cache_backends/device/fp8_codec.h"

#include <algorithm>

#include "cache_backends/device/group_ranges.h"

namespace kvdiff::device {
namespace {

class Fp8DeviceCodec final : public DeviceCodec {
 public:
  Fp8DeviceCodec(const Fp8Rules& rules, std::optional<float> held) : rules_(rules), held_(held) {}
  EncodedArrays encode(Device& device, std::span<const float> values, const BlockShape& shape, Dtype dtype) const override;
  Format format(const EncodedMemory& memory) const override {
    return Fp8Format{memory, {rules_.e5m2}, rules_.per_token_head, held_.has_value(), held_.value_or(1.0f)};
  }
  void raise_bounds(Device& device, std::span<const float> values, const EncodedArrays& encoded,
                    Span<uint64_t> bounds) const override {
    const int64_t elements = encoded.shape.elements(), run = rules_.per_token_head ? encoded.shape.head_size : elements;
    launch<Fp8Bound>(device, {span(values), constant(encoded.scale), bounds, elements / bounds.size(), std::max<int64_t>(run, 1),
                              held_.value_or(1.0f), rules_.largest(), rules_.half_unit(), rules_.smallest(), encoded.dtype});
  }
  bool sequences_apart() const override { return rules_.per_token_head || held_; }
  std::unique_ptr<Codec> frozen(Device& device, std::span<const float> values, const BlockShape&) const override {
    if (!rules_.frozen || held_) return nullptr;
    return make_frozen_fp8(rules_, scales(device, values, 1, static_cast<int64_t>(values.size())).read().front());
  }

 private:
  // Of `groups` runs of `run` neighbours.
  Array<float> scales(Device& device, std::span<const float> values, int64_t groups, int64_t run) const;

  const Fp8Rules rules_;
  const std::optional<float> held_;
};

Array<float> Fp8DeviceCodec::scales(Device& device, std::span<const float> values, int64_t groups, int64_t run) const {
  GroupWalk walk;
  walk.groups = groups;
  walk.low = std::max<int64_t>(groups, 1);
  walk.low_stride = walk.inner = run;
  const GroupExtremes ranges = extremes_of(device, values, walk);
  Array<float> scales(device, groups);
  launch<Fp8Scale>(device, {constant(ranges.smallest), constant(ranges.largest), span(scales), rules_.divisor, rules_.least});
  return scales;
}

EncodedArrays Fp8DeviceCodec::encode(Device& device, std::span<const float> values, const BlockShape& shape,
                                     Dtype dtype) const {
  const int64_t lines = shape.batch * shape.heads * shape.tokens, elements = shape.elements();
  const int64_t groups = rules_.per_token_head ? lines : 1, run = rules_.per_token_head ? shape.head_size : elements;
  EncodedArrays block = {shape, dtype, Array<uint8_t>(device, elements), {}, {}};
  if (!held_) block.scale = scales(device, values, groups, run);
  launch<Fp8Codes>(device, {span(values), constant(block.scale), span(block.packed), {rules_.e5m2}, std::max<int64_t>(run, 1),
                            held_.value_or(1.0f), rules_.by_reciprocal});
  return block;
}

}  // namespace

std::shared_ptr<const DeviceCodec> make_fp8_codec(const Fp8Rules& rules, std::optional<float> held) {
  return std::make_shared<Fp8DeviceCodec>(rules, held);
}

}  // namespace kvdiff::device
