#include "cache_backends/device/integer_codec.h"

#include <algorithm>
#include <mutex>

#include "cache_backends/codecs/integer.h"
#include "cache_backends/device/group_ranges.h"
#include "cache_backends/error.h"

namespace kvdiff::device {
namespace {

// The elements that share each scale.
GroupWalk walk_of(const ScaleLayout& layout) {
  const auto& [batch, heads, tokens, columns] = layout.shape;
  const int64_t matrix = tokens * columns;
  GroupWalk walk;
  walk.groups = layout.count();
  if (layout.per == IntegerPer::token_head) {
    walk.middle_stride = columns, walk.middle = std::max<int64_t>(walk.groups, 1), walk.inner = columns;
  } else if (layout.per == IntegerPer::token) {
    walk.low = tokens, walk.low_stride = columns, walk.middle = batch, walk.middle_stride = heads * matrix;
    walk.inner = columns, walk.outer = heads, walk.outer_stride = matrix;
  } else if (layout.per == IntegerPer::channel) {
    walk.low = columns, walk.low_stride = 1, walk.middle = walk.groups / std::max<int64_t>(columns, 1), walk.middle_stride = matrix;
    walk.inner = tokens, walk.inner_stride = columns;
    if (layout.one_sequence) walk.outer = batch, walk.outer_stride = heads * matrix;
  } else {
    walk.inner = layout.shape.elements();
  }
  return walk;
}

class IntegerDeviceCodec final : public DeviceCodec {
 public:
  IntegerDeviceCodec(const kvdiff::IntegerFormat& format, Rounding round, const IntegerScales& held)
      : format_(format), round_(round), held_(held) {}
  EncodedArrays encode(Device& device, std::span<const float> values, const BlockShape& shape, Dtype dtype) const override;
  Format format(const EncodedMemory& memory) const override;
  void raise_bounds(Device& device, std::span<const float> values, const EncodedArrays& encoded,
                    Span<uint64_t> bounds) const override;
  bool sequences_apart() const override {
    return holds_scales() || format_.per == IntegerPer::token_head || format_.per == IntegerPer::token;
  }
  std::unique_ptr<Codec> frozen(Device& device, std::span<const float> values, const BlockShape& shape) const override;

 private:
  struct Scales {
    Array<float> scale, zero;
  };
  bool holds_scales() const { return !held_.scale.empty(); }
  IntegerRow row(int64_t head_size) const { return {format_.bits, format_.offset, head_size}; }
  IntegerPlace place(const BlockShape& shape) const {
    return {format_.per, holds_scales(), shape.heads, shape.tokens, shape.head_size};
  }
  Scales scales(Device& device, std::span<const float> values, const ScaleLayout& layout) const;
  const Scales& held_on(Device& device) const;

  const kvdiff::IntegerFormat format_;
  const Rounding round_;
  const IntegerScales held_;
  mutable std::mutex mutex_;  // of what follows
  mutable Device* home_ = nullptr;
  mutable Scales at_home_;
};

IntegerDeviceCodec::Scales IntegerDeviceCodec::scales(Device& device, std::span<const float> values,
                                                      const ScaleLayout& layout) const {
  const GroupExtremes ranges = extremes_of(device, values, walk_of(layout));
  Scales scales = {Array<float>(device, layout.count()), Array<float>(device, format_.offset ? layout.count() : 0)};
  launch<IntegerScale>(device, {constant(ranges.smallest), constant(ranges.largest), span(scales.scale), span(scales.zero),
                                row(layout.shape.head_size)});
  return scales;
}

const IntegerDeviceCodec::Scales& IntegerDeviceCodec::held_on(Device& device) const {
  const std::lock_guard lock(mutex_);
  if (!home_) {
    at_home_ = {Array<float>(device, held_.scale), Array<float>(device, held_.zero)};
    home_ = &device;
  }
  if (home_ != &device) throw InternalError("frozen scales of one device were asked for on another");
  return at_home_;
}

EncodedArrays IntegerDeviceCodec::encode(Device& device, std::span<const float> values, const BlockShape& shape,
                                         Dtype dtype) const {
  const ScaleLayout layout = {shape, format_.per, holds_scales()};
  if (holds_scales()) require_held_shape(held_, layout);
  Scales own = holds_scales() ? Scales{} : scales(device, values, layout);
  const Scales& used = holds_scales() ? held_on(device) : own;
  const IntegerRow codes = row(shape.head_size);
  const int64_t lines = shape.batch * shape.heads * shape.tokens;
  EncodedArrays block = {shape, dtype, Array<uint8_t>(device, lines * codes.bytes()), {}, {}};
  launch<IntegerCodes>(device, {span(values), constant(used.scale), constant(used.zero), span(block.packed),
                                place(shape), codes, round_});
  block.scale = std::move(own.scale);
  block.zero = std::move(own.zero);
  return block;
}

void IntegerDeviceCodec::raise_bounds(Device& device, std::span<const float> values, const EncodedArrays& encoded,
                                      Span<uint64_t> bounds) const {
  const Span<const float> scale = constant(holds_scales() ? held_on(device).scale : encoded.scale);
  const Span<const float> zero = constant(holds_scales() ? held_on(device).zero : encoded.zero);
  launch<IntegerBound>(device, {span(values), scale, zero, bounds, encoded.shape.elements() / bounds.size(), place(encoded.shape),
                                row(encoded.shape.head_size), round_, encoded.dtype});
}

// How many heads the rows are of: memory does not say, but the number of scales does.
int64_t heads_of(const EncodedMemory& memory, IntegerPer per, int64_t held) {
  if (held > 0) return per == IntegerPer::channel ? held / memory.head_size : 1;
  if (per != IntegerPer::token) return 1;
  const int64_t tokens = std::max<int64_t>(memory.tokens, 1);
  const int64_t batch = (memory.scale_stride > 0 ? memory.scale_stride : memory.scale.size()) / tokens;
  return memory.rows / std::max<int64_t>(batch, 1);
}

Format IntegerDeviceCodec::format(const EncodedMemory& memory) const {
  const auto held = static_cast<int64_t>(held_.scale.size());
  const IntegerPlace place = {format_.per, holds_scales(), heads_of(memory, format_.per, held), memory.tokens, memory.head_size};
  IntegerRowFormat format = {memory, {}, {}, place, row(memory.head_size)};
  if (!holds_scales()) return format;
  const std::lock_guard lock(mutex_);
  if (!home_) throw InternalError("frozen scales are read on a device on which nothing was encoded");
  format.held_scale = constant(at_home_.scale);
  format.held_zero = constant(at_home_.zero);
  return format;
}

std::unique_ptr<Codec> IntegerDeviceCodec::frozen(Device& device, std::span<const float> values,
                                                  const BlockShape& shape) const {
  if (!format_.frozen || holds_scales()) return nullptr;
  const Scales found = scales(device, values, {shape, format_.per, true});
  const IntegerScales held = {found.scale.read(), found.zero.read()};
  auto codec = std::make_shared<IntegerDeviceCodec>(format_, round_, held);
  codec->held_on(device);
  return make_frozen_integer(format_, round_, held, std::move(codec));
}

}  // namespace

std::shared_ptr<const DeviceCodec> make_integer_codec(const kvdiff::IntegerFormat& format, Rounding round,
                                                      const IntegerScales& held) {
  return std::make_shared<IntegerDeviceCodec>(format, round, held);
}

}  // namespace kvdiff::device
