#include "cache_backends/device/hqq_codec.h"

#include "cache_backends/device/launch.h"

namespace kvdiff::device {
namespace {

HqqPlaces places_of(int64_t elements, const HqqOptions& options) {
  const HqqMatrix matrix = hqq_matrix(nullptr, elements, options);
  return {matrix.rows, matrix.columns, options.axis, options.bits};
}

// What the turns of one tensor work on.
template <bool half>
class HqqTurns {
 public:
  HqqTurns(Device& device, const HqqTensor& tensor, const HqqOptions& options, const Array<float>& scale, const Array<float>& zero)
      : device_(device), tensor_(tensor), scale_(constant(scale)), zero_(span(zero)), largest_code_(options.largest_code()),
        rows_{tensor.values.size(), cascade_power(tensor.values.size() / 32)}, sums_(hqq_group_sums(tensor.places)),
        errors_(device, 32 * (rows_.at(1) + 2)), second_(device, 32 * rows_.at(2)), third_(device, 32 * rows_.at(3)),
        partial_(device, sums_.partials(tensor.places)), state_(device, 1),
        progress_{span(state_), options.variant.first_error} {
    device.clear(state_.data(), state_.bytes());
  }

  // A turn does nothing once one before it came out no better. The mean error, which tells, is joined last: the zeros of the
  // turn that fails are kept.
  bool operator()(float weight, float negligible) {
    const HqqTurn turn = {scale_, {zero_.data(), zero_.size()}, largest_code_, weight, negligible, progress_};
    launch<HqqErrors<half>>(device_, {tensor_, turn, rows_, span(errors_)});
    launch<HqqTerms<half>>(device_, {tensor_, turn, sums_, span(partial_)});
    launch<HqqZeros<half>>(device_, {tensor_, turn, sums_, constant(partial_), zero_});
    launch<CascadeRuns>(device_, {constant(errors_), span(second_), rows_.power});
    launch<CascadeRuns>(device_, {constant(second_), span(third_), rows_.power});
    launch<HqqMeanError<half>>(device_, {constant(errors_), constant(second_), constant(third_), progress_, rows_});
    return true;
  }

 private:
  Device& device_;
  const HqqTensor tensor_;
  const Span<const float> scale_;
  const Span<float> zero_;
  const float largest_code_;
  const CascadeRows rows_;
  const HqqGroupSums sums_;
  const Array<float> errors_, second_, third_, partial_;
  const Array<HqqState> state_;
  const HqqProgress progress_;
};

class HqqDeviceCodec final : public DeviceCodec {
 public:
  explicit HqqDeviceCodec(const HqqOptions& options) : options_(options) {}

  EncodedArrays encode(Device& device, std::span<const float> values, const BlockShape& shape, Dtype dtype) const override {
    require_whole_hqq_groups(shape, options_.group);
    const HqqPlaces places = places_of(shape.elements(), options_);
    const HqqTensor tensor = {{values.data(), places.elements()}, places};
    EncodedArrays out = {shape, dtype, Array<uint8_t>(device, places.chunk() * places.word_bytes()),
                         Array<float>(device, places.groups()), Array<float>(device, places.groups())};
    if (places.elements() == 0) return out;
    const float largest = options_.largest_code();
    launch<HqqRanges>(device, {tensor, span(out.scale), span(out.zero), largest, options_.variant.guards, options_.solves_in_half()});
    if (options_.variant.solves) solve(device, tensor, out);
    launch<HqqPack>(device, {tensor, constant(out.scale), constant(out.zero), span(out.packed), places.chunk(), largest});
    launch<HqqStored>(device, {span(out.scale), span(out.zero), options_.solves_in_half(), dtype});
    return out;
  }

  Format format(const EncodedMemory& memory) const override {
    const HqqPlaces places = places_of(memory.elements(), options_);
    return HqqFormat{memory, places, places.chunk()};
  }
  void raise_bounds(Device& device, std::span<const float> values, const EncodedArrays& encoded,
                    Span<uint64_t> bounds) const override {
    const HqqPlaces places = places_of(encoded.shape.elements(), options_);
    if (places.elements() == 0) return;
    launch<HqqBound>(device, {{{values.data(), places.elements()}, places}, bounds, options_.largest_code(), options_.variant.guards,
                              options_.solves_in_half(), options_.largest_shift(), encoded.dtype});
  }

 private:
  void solve(Device& device, const HqqTensor& tensor, const EncodedArrays& out) const {
    if (options_.half) take_hqq_turns(options_.variant, HqqTurns<true>(device, tensor, options_, out.scale, out.zero));
    else take_hqq_turns(options_.variant, HqqTurns<false>(device, tensor, options_, out.scale, out.zero));
  }

  HqqOptions options_;
};

}  // namespace

std::shared_ptr<const DeviceCodec> make_hqq_codec(const HqqOptions& options) {
  return options.aten ? nullptr : std::make_shared<HqqDeviceCodec>(options);
}

}  // namespace kvdiff::device
