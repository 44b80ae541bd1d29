#include "cache_backends/device/unit_store.h"

#include "cache_backends/device/encoded_arrays.h"
#include "cache_backends/device/encoding_totals.h"
#include "cache_backends/device/launch.h"
#include "cache_backends/error.h"

namespace kvdiff::device {
namespace {

BlockShape unit_of(BlockShape shape, int64_t units) {
  shape.batch /= units;
  return shape;
}

template <class T>
void copy_units(Device& device, const Array<T>& from, const Units& units, const Array<T>& to, int64_t token) {
  const int64_t size = from.size() / units.of;
  if (size > 0) device.copy(to.data() + token * size, from.data() + units.first * size, units.count * size * int64_t{sizeof(T)});
}

}  // namespace

DeviceUnitStore::DeviceUnitStore(Device& device, SharedCodec codec, const DeviceCodec& twin, const EncodedArrays& sample,
                                 int64_t units, int64_t capacity)
    : TokenRoom(capacity), device_(device), codec_(std::move(codec)), twin_(twin), shape_(unit_of(sample.shape, units)),
      dtype_(sample.dtype), packed_size_(sample.packed.size() / units), scale_size_(sample.scale.size() / units),
      zero_size_(sample.zero.size() / units),
      packed_(device, packed_size_ * capacity), scale_(device, scale_size_ * capacity), zero_(device, zero_size_ * capacity) {}

Format DeviceUnitStore::format() const {
  return twin_.format({constant(packed_), constant(scale_), constant(zero_), shape_.batch * shape_.heads, 1, shape_.head_size,
                       packed_size_, scale_size_, zero_size_, dtype_});
}

void DeviceUnitStore::write(int64_t token, const Encoded& encoded, const Units& units) {
  const EncodedArrays& from = arrays_of(encoded);
  if (from.packed.size() != packed_size_ * units.of || from.scale.size() != scale_size_ * units.of ||
      from.zero.size() != zero_size_ * units.of)
    throw InternalError("two tokens of one shape were encoded to different sizes");
  copy_units(device_, from.packed, units, packed_, token);
  copy_units(device_, from.scale, units, scale_, token);
  copy_units(device_, from.zero, units, zero_, token);
}

void DeviceUnitStore::decode(int64_t sequence, int64_t head, int64_t first, int64_t count, float* out) const {
  device::decode(device_, format(), {sequence * shape_.heads + head, first, count, shape_.head_size, out});
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
  device::mark_codes(device_, format(), {shape_.batch * shape_.heads, first, count, shape_.head_size, codec_->levels()}, used);
}

}  // namespace kvdiff::device
