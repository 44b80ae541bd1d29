#include "cache_backends/device/unit_store.h"

#include "cache_backends/device/encoded_arrays.h"
#include "cache_backends/device/launch.h"
#include "cache_backends/encoded_store.h"
#include "cache_backends/error.h"

namespace kvdiff::device {

DeviceUnitStore::DeviceUnitStore(Device& device, SharedCodec codec, const DeviceCodec& twin, const EncodedArrays& sample,
                                 int64_t capacity)
    : TokenRoom(capacity), device_(device), codec_(std::move(codec)), twin_(twin), shape_(sample.shape), dtype_(sample.dtype),
      packed_size_(sample.packed.size()), scale_size_(sample.scale.size()), zero_size_(sample.zero.size()),
      packed_(device, packed_size_ * capacity), scale_(device, scale_size_ * capacity), zero_(device, zero_size_ * capacity) {}

Format DeviceUnitStore::format() const {
  return twin_.format({constant(packed_), constant(scale_), constant(zero_), shape_.batch * shape_.heads, 1, shape_.head_size,
                       packed_size_, scale_size_, zero_size_, dtype_});
}

void DeviceUnitStore::write(int64_t token, const Encoded& encoded) {
  const EncodedArrays& from = arrays_of(encoded);
  if (from.packed.size() != packed_size_ || from.scale.size() != scale_size_ || from.zero.size() != zero_size_)
    throw InternalError("two tokens of one shape were encoded to different sizes");
  device_.copy(packed_.data() + token * packed_size_, from.packed.data(), from.packed.bytes());
  device_.copy(scale_.data() + token * scale_size_, from.scale.data(), from.scale.bytes());
  device_.copy(zero_.data() + token * zero_size_, from.zero.data(), from.zero.bytes());
}

void DeviceUnitStore::decode(int64_t sequence, int64_t head, int64_t first, int64_t count, float* out) const {
  device::decode(device_, format(), {sequence * shape_.heads + head, first, count, shape_.head_size, out});
}

EncodedBlock DeviceUnitStore::unit(int64_t token) const {
  const std::vector<uint8_t> bytes = packed_.read(token * packed_size_, packed_size_);
  EncodedBlock block = {shape_, dtype_, {}, scale_.read(token * scale_size_, scale_size_), zero_.read(token * zero_size_, zero_size_)};
  for (const uint8_t byte : bytes) block.packed.push_back(std::byte{byte});
  return block;
}

Bytes DeviceUnitStore::bytes(int64_t count) const {
  EncodedView one;
  one.shape = shape_;
  one.dtype = dtype_;
  one.packed = {reinterpret_cast<const std::byte*>(packed_.data()), static_cast<size_t>(packed_size_)};
  one.scale = {scale_.data(), static_cast<size_t>(scale_size_)};
  one.zero = {zero_.data(), static_cast<size_t>(zero_size_)};
  const Bytes each = codec_->bytes(one);
  return {each.codes * count, each.scales * count, each.zeros * count, each.residual * count};
}

Bytes DeviceUnitStore::expected_bytes(int64_t count) const {
  const Bytes one = codec_->expected_bytes(shape_, dtype_);
  return {one.codes * count, one.scales * count, one.zeros * count, one.residual * count};
}

void DeviceUnitStore::mark_codes(int64_t first, int64_t count, std::vector<bool>& used) const {
  for (int64_t token = first; token < first + count; ++token) BlockStore(codec_, unit(token)).mark_codes(0, 1, used);
}

}  // namespace kvdiff::device
