#include "cache_backends/device/affine_codec.h"

#include <algorithm>

#include "cache_backends/device/group_ranges.h"

namespace kvdiff::device {
namespace {

// Groups that lie one behind the other, the last of each row shorter where `size` does not divide `length`.
GroupWalk neighbours(int64_t rows, int64_t length, int64_t size) {
  GroupWalk walk;
  walk.low = std::max<int64_t>(blocks_for(length, size), 1);
  walk.groups = length > 0 ? rows * walk.low : 0;
  walk.low_stride = walk.inner = std::min(size, length);
  walk.middle = std::max<int64_t>(rows, 1);
  walk.middle_stride = length;
  walk.last_inner = length - (walk.low - 1) * size;
  return walk;
}

// Of quanto's axis -1, whole groups or what is left: place = channel x groups + group.
GroupWalk strips(const AffinePart& part, int64_t first_line, int64_t columns) {
  GroupWalk walk;
  walk.groups = part.columns;
  walk.first = first_line * columns;
  walk.low = std::max<int64_t>(part.columns / columns, 1);
  walk.low_stride = part.rows * columns;
  walk.middle = columns;
  walk.middle_stride = 1;
  walk.inner = part.rows;
  walk.inner_stride = columns;
  return walk;
}

GroupWalk walk_of(const AffineLayout& layout) {
  const int64_t elements = layout.lines * layout.head_size, columns = layout.head_size;
  if (layout.kind == AffineKind::runs) return neighbours(1, elements, layout.scale_per_value ? 1 : layout.group);
  if (layout.kind == AffineKind::heads) return neighbours(layout.lines, columns, layout.group);
  if (layout.kind != AffineKind::tokens) return neighbours(layout.lines, columns, columns);
  GroupWalk walk = neighbours(layout.lines / std::max<int64_t>(layout.tokens, 1) * columns, layout.tokens, layout.group);
  walk.low_stride *= columns;
  walk.inner_stride = walk.middle = columns;
  walk.middle_stride = 1;
  walk.high_stride = layout.tokens * columns;
  return walk;
}

AffinePart part_of(int64_t rows, int64_t columns, int64_t per_byte) {
  return {rows, columns, (rows + per_byte - 1) / per_byte};
}

// take(ranges, first): the ranges of the groups from `first` on; channels are two stretches of groups.
template <class Take>
void with_ranges(Device& device, std::span<const float> values, const AffineLayout& layout, Take take) {
  if (layout.kind != AffineKind::channels) return take(extremes_of(device, values, walk_of(layout)), int64_t{0});
  const int64_t columns = layout.head_size;
  take(extremes_of(device, values, strips(layout.whole, 0, columns)), int64_t{0});
  take(extremes_of(device, values, strips(layout.rest, layout.whole_lines(), columns)), layout.whole.columns);
}

class AffineDeviceCodec final : public DeviceCodec {
 public:
  explicit AffineDeviceCodec(const AffineSetup& setup) : setup_(setup) {}
  EncodedArrays encode(Device& device, std::span<const float> values, const BlockShape& shape, Dtype dtype) const override;
  Format format(const EncodedMemory& memory) const override {
    return AffineFormat{memory, affine_layout(setup_, memory.rows, memory.tokens, memory.head_size), setup_.form};
  }
  void raise_bounds(Device& device, std::span<const float> values, const EncodedArrays& encoded,
                    Span<uint64_t> bounds) const override;
  bool sequences_apart() const override {
    return setup_.kind == AffineKind::heads || setup_.kind == AffineKind::bytes || setup_.kind == AffineKind::nibbles;
  }

 private:
  struct Parameters {
    Array<float> scale, offset;
  };
  Parameters parameters(Device& device, std::span<const float> values, const AffineLayout& layout, EncodedArrays& block) const;
  void launch_parameters(Device& device, const GroupExtremes& ranges, int64_t first, const Parameters& working,
                         const EncodedArrays& block) const;
  AffineLayout layout_of(const BlockShape& shape) const {
    return affine_layout(setup_, shape.batch * shape.heads, shape.tokens, shape.head_size);
  }
  float largest() const { return static_cast<float>((1 << setup_.bits) - 1); }
  Dtype working(Dtype dtype) const { return setup_.wide ? Dtype::float32 : dtype; }

  const AffineSetup setup_;
};

// The groups from `first` on, whose ranges these are.
void AffineDeviceCodec::launch_parameters(Device& device, const GroupExtremes& ranges, int64_t first,
                                          const Parameters& working, const EncodedArrays& block) const {
  const int64_t count = ranges.smallest.size();
  const auto part = [&](const Array<float>& all) { return Span<float>(all.data() + first, count); };
  if (count == 0) return;
  launch<AffineParameters>(device, {constant(ranges.smallest), constant(ranges.largest), part(working.scale), part(working.offset),
                                    part(block.scale), part(block.zero), setup_.form, largest(),
                                    this->working(block.dtype), block.dtype});
}

AffineDeviceCodec::Parameters AffineDeviceCodec::parameters(Device& device, std::span<const float> values,
                                                            const AffineLayout& layout, EncodedArrays& block) const {
  const int64_t groups = affine_groups(layout);
  Parameters working = {Array<float>(device, groups), Array<float>(device, groups)};
  block.scale = Array<float>(device, groups);
  block.zero = Array<float>(device, groups);
  with_ranges(device, values, layout, [&](const GroupExtremes& ranges, int64_t first) {
    launch_parameters(device, ranges, first, working, block);
  });
  return working;
}

void AffineDeviceCodec::raise_bounds(Device& device, std::span<const float> values, const EncodedArrays& encoded,
                                     Span<uint64_t> bounds) const {
  const AffineLayout layout = layout_of(encoded.shape);
  const int64_t per_unit = affine_groups(layout) / bounds.size();
  with_ranges(device, values, layout, [&](const GroupExtremes& ranges, int64_t first) {
    launch<AffineBound>(device, {constant(ranges.smallest), constant(ranges.largest), bounds, first, per_unit, setup_.form, largest(),
                                 working(encoded.dtype), encoded.dtype});
  });
}

EncodedArrays AffineDeviceCodec::encode(Device& device, std::span<const float> values, const BlockShape& shape,
                                        Dtype dtype) const {
  const AffineLayout layout = layout_of(shape);
  EncodedArrays block = {shape, dtype, Array<uint8_t>(device, affine_bytes(layout)), {}, {}};
  const Parameters used = parameters(device, values, layout, block);
  launch<AffineCodes>(device, {span(values), constant(used.scale), constant(used.offset), span(block.packed), layout,
                               setup_.form, largest(), working(dtype)});
  return block;
}

}  // namespace

AffineLayout affine_layout(const AffineSetup& setup, int64_t rows, int64_t tokens, int64_t head_size) {
  AffineLayout layout = {setup.kind, setup.bits, setup.group, rows * tokens, tokens, std::max<int64_t>(head_size, 1), {}, {}, false};
  const int64_t per_byte = 8 / setup.bits, elements = layout.lines * head_size;
  if (setup.kind == AffineKind::runs) {
    layout.whole = part_of(elements / setup.group, setup.group, per_byte);
    layout.rest = part_of(elements % setup.group > 0 ? 1 : 0, elements % setup.group, per_byte);
    layout.scale_per_value = elements == setup.group;
  } else if (setup.kind == AffineKind::channels) {
    layout.whole = part_of(setup.group, layout.lines / setup.group * head_size, per_byte);
    layout.rest = part_of(layout.lines % setup.group, layout.lines % setup.group > 0 ? head_size : 0, per_byte);
  }
  return layout;
}

int64_t affine_groups(const AffineLayout& layout) {
  if (layout.kind == AffineKind::channels) return layout.whole.columns + layout.rest.columns;
  return walk_of(layout).groups;
}

int64_t affine_bytes(const AffineLayout& layout) {
  if (layout.kind == AffineKind::runs || layout.kind == AffineKind::channels) return layout.whole.bytes() + layout.rest.bytes();
  const int64_t length = layout.row_length();
  return length > 0 ? layout.lines * layout.head_size / length * layout.row_bytes() : 0;
}

std::shared_ptr<const DeviceCodec> make_affine_codec(const AffineSetup& setup) {
  return std::make_shared<AffineDeviceCodec>(setup);
}

}  // namespace kvdiff::device
