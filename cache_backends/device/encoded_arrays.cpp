#include "cache_backends/device/encoded_arrays.h"

#include "cache_backends/device/encoding_totals.h"
#include "cache_backends/device/launch.h"
#include "cache_backends/error.h"

namespace kvdiff::device {

void refuse_to_save() { throw InternalError("a cache on a device was to be saved, which only one of the host can be"); }

EncodedBlock to_host(const EncodedArrays& arrays) {
  EncodedBlock block = {arrays.shape, arrays.dtype, {}, arrays.scale.read(), arrays.zero.read()};
  const std::vector<uint8_t> packed = arrays.packed.read();
  block.packed.resize(packed.size());
  std::transform(packed.begin(), packed.end(), block.packed.begin(), [](uint8_t byte) { return std::byte{byte}; });
  return block;
}

EncodedView view_of(const EncodedArrays& arrays) {
  EncodedView view;
  view.shape = arrays.shape;
  view.dtype = arrays.dtype;
  view.packed = {reinterpret_cast<const std::byte*>(arrays.packed.data()), static_cast<size_t>(arrays.packed.size())};
  view.scale = arrays.scale.span();
  view.zero = arrays.zero.span();
  return view;
}

Format format_of(const DeviceCodec& codec, const EncodedArrays& arrays) {
  const BlockShape& shape = arrays.shape;
  return codec.format({constant(arrays.packed), constant(arrays.scale), constant(arrays.zero), shape.batch * shape.heads,
                       shape.tokens, shape.head_size, 0, 0, 0, arrays.dtype});
}

void DeviceBlockStore::decode(int64_t sequence, int64_t head, int64_t first, int64_t count, float* out) const {
  device::decode(device_, format(), {sequence * arrays_.shape.heads + head, first, count, arrays_.shape.head_size, out});
}

// Those of the whole block, as the host's store does.
void DeviceBlockStore::mark_codes(int64_t, int64_t, std::vector<bool>& used) const {
  const BlockShape& shape = arrays_.shape;
  device::mark_codes(device_, format(), {shape.batch * shape.heads, 0, shape.tokens, shape.head_size, codec_->levels()}, used);
}

void decode(Device& device, const Format& format, const DecodedTokens& tokens) {
  const Span<float> out(tokens.out, tokens.count * tokens.head_size);
  std::visit([&](const auto& values) {
    using Own = std::remove_cvref_t<decltype(values)>;
    launch<Decode<Own>>(device, {values, out, tokens.row, 1, tokens.first, tokens.count, tokens.head_size, tokens.count, 1, 0});
  }, format);
}

}  // namespace kvdiff::device
