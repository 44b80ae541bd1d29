#include "cache_backends/device/ggml_codec.h"

#include "cache_backends/device/launch.h"

namespace kvdiff::device {
namespace {

GgmlBlock block_of(const GgmlFormat& format) {
  const GgmlKind kind = format.table         ? GgmlKind::steps
                        : format.has_minimum ? GgmlKind::minimum
                        : format.bits == 8   ? GgmlKind::signed_bytes
                                             : GgmlKind::centred;
  return {kind, format.bits};
}

class GgmlDeviceCodec final : public DeviceCodec {
 public:
  explicit GgmlDeviceCodec(const GgmlFormat& format) : format_(format) {}
  EncodedArrays encode(Device& device, std::span<const float> values, const BlockShape& shape, Dtype dtype) const override {
    require_whole_blocks(format_, shape.head_size);
    const int64_t blocks = shape.elements() / ggml_block;
    EncodedArrays encoded = {shape, dtype, Array<uint8_t>(device, blocks * format_.packed()), Array<float>(device, blocks),
                             Array<float>(device, format_.has_minimum ? blocks : 0)};
    launch<GgmlQuantize>(device, {span(values), span(encoded.packed), span(encoded.scale), span(encoded.zero), block_of(format_)});
    return encoded;
  }
  Format format(const EncodedMemory& memory) const override { return GgmlBlockFormat{memory, block_of(format_)}; }
  void raise_bounds(Device& device, std::span<const float> values, const EncodedArrays& encoded,
                    Span<uint64_t> bounds) const override {
    launch<GgmlBound>(device, {span(values), bounds, encoded.scale.size() / bounds.size(), block_of(format_), format_.farthest_step(),
                               format_.steps_off, encoded.dtype});
  }
  bool sequences_apart() const override { return true; }

 private:
  const GgmlFormat& format_;
};

}  // namespace

std::shared_ptr<const DeviceCodec> make_ggml_codec(const GgmlFormat& format) {
  return std::make_shared<GgmlDeviceCodec>(format);
}

}  // namespace kvdiff::device
