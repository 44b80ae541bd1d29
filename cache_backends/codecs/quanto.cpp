#include "cache_backends/codecs/quanto.h"

#include <fmt/format.h>

#include <algorithm>

#include "cache_backends/codecs/affine.h"
#include "cache_backends/codecs/spec_values.h"

namespace kvdiff {
namespace {

// Whole groups, or the shorter one behind them: a matrix whose rows are packed together.
struct Part {
  int64_t groups = 0, size = 0;  // size: values of a group (axis 0) or its rows of D values (axis -1)
};

class QuantoCodec : public AffineCodec {
 public:
  QuantoCodec(int bits, int axis, int64_t group)
      : AffineCodec(AffineForm::shift, bits), per_byte_(8 / bits), axis_(axis), group_(group) {}
  bool shares_scale() const override { return axis_ == -1; }
  PeerVerdict peer_verdict(const BlockShape& shape) const override;
  std::shared_ptr<const device::DeviceCodec> on_device() const override {
    return placed_on_device(axis_ == 0 ? device::AffineKind::runs : device::AffineKind::channels, group_);
  }

 protected:
  Run run_at(const BlockShape& shape, int64_t element) const override;
  int64_t groups(const BlockShape& shape) const override;
  int64_t packed_bytes(const BlockShape& shape) const override;

 private:
  // What is grouped: values, or rows of D channels.
  int64_t items(const BlockShape& shape) const { return axis_ == 0 ? shape.elements() : shape.elements() / width(shape); }
  int64_t width(const BlockShape& shape) const { return axis_ == 0 ? 1 : std::max<int64_t>(shape.head_size, 1); }
  Part whole(const BlockShape& shape) const { return {items(shape) / group_, group_}; }
  Part rest(const BlockShape& shape) const { return {items(shape) % group_ > 0 ? 1 : 0, items(shape) % group_}; }
  bool scale_per_value(const BlockShape& shape) const { return axis_ == 0 && shape.elements() == group_; }
  int64_t part_bytes(const Part& part, const BlockShape& shape) const;
  Run run_in(const Part& part, const BlockShape& shape, int64_t element) const;

  int64_t per_byte_;
  int axis_;
  int64_t group_;
};

int64_t QuantoCodec::groups(const BlockShape& shape) const {
  if (scale_per_value(shape)) return group_;
  return (whole(shape).groups + rest(shape).groups) * width(shape);
}

// axis 0: a matrix [groups, size]; axis -1: [size, D x groups].
int64_t QuantoCodec::part_bytes(const Part& part, const BlockShape& shape) const {
  const int64_t rows = axis_ == 0 ? part.groups : part.size;
  const int64_t columns = axis_ == 0 ? part.size : part.groups * width(shape);
  return (rows + per_byte_ - 1) / per_byte_ * columns;
}

int64_t QuantoCodec::packed_bytes(const BlockShape& shape) const {
  return part_bytes(whole(shape), shape) + part_bytes(rest(shape), shape);
}

AffineCodec::Run QuantoCodec::run_in(const Part& part, const BlockShape& shape, int64_t element) const {
  if (axis_ == 0) {
    const int64_t chunk = part_bytes(part, shape), group = element / part.size, column = element % part.size;
    return {part.size - column, 8 * (element % chunk) + bits() * (element / chunk), 8, group, 0};
  }
  const int64_t channels = width(shape), columns = channels * part.groups;
  const int64_t channel = element % channels, row = element / channels % part.size;
  const int64_t group = element / channels / part.size, place = channel * part.groups + group;
  const int64_t rows = (part.size + per_byte_ - 1) / per_byte_;
  const int64_t byte = row % rows * columns + place;
  return {channels - channel, 8 * byte + bits() * (row / rows), 8 * part.groups, place, part.groups};
}

AffineCodec::Run QuantoCodec::run_at(const BlockShape& shape, int64_t element) const {
  const Part front = whole(shape);
  const int64_t held = front.groups * front.size * width(shape);
  if (element < held) {
    Run run = run_in(front, shape, element);
    if (scale_per_value(shape)) run.group = element, run.group_stride = 1;
    return run;
  }
  Run run = run_in(rest(shape), shape, element - held);
  run.bit += 8 * part_bytes(front, shape);
  run.group += front.groups * width(shape);
  return run;
}

// tensor/grouped.py, group(): asks about one sequence (axis 0) or one channel (axis -1).
PeerVerdict QuantoCodec::peer_verdict(const BlockShape& shape) const {
  const int64_t along = shape.elements() / std::max<int64_t>(axis_ == 0 ? shape.batch : shape.head_size, 1);
  PeerVerdict verdict;
  if (group_ <= along && along % group_ == 0) return verdict;
  verdict.raises = true;
  verdict.exception = "ValueError";
  verdict.message = fmt::format("Group size ({}) must be a divisor of ({})", group_, along);
  return verdict;
}

}  // namespace

std::vector<SpecKey> quanto_keys() {
  return {
      {"bits", "4", "bits per code", {"2", "4"}},
      {"group", "64", "values that share a scale and a shift", {}},
      {"axis", "0", "0: groups are runs of neighbours in memory; -1: one channel of consecutive tokens", {"0", "-1"}},
  };
}

std::unique_ptr<Codec> make_quanto(const SideSpec& spec, Side) {
  const auto keys = quanto_keys();
  return std::make_unique<QuantoCodec>(static_cast<int>(integer_value(spec, keys, "bits")),
                                       static_cast<int>(integer_value(spec, keys, "axis")),
                                       integer_value(spec, keys, "group"));
}

}  // namespace kvdiff
