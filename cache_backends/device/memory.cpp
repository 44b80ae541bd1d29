#include "cache_backends/device/memory.h"

#include "cache_backends/device/encoded_arrays.h"
#include "cache_backends/device/launch.h"
#include "cache_backends/device/plain_store.h"
#include "cache_backends/device/rotate.h"
#include "cache_backends/device/unit_store.h"
#include "cache_backends/error.h"

namespace kvdiff::device {
namespace {

std::vector<float> to_host(Device& device, std::span<const float> values) {
  std::vector<float> out(values.size());
  if (!out.empty()) device.copy_out(out.data(), values.data(), static_cast<int64_t>(values.size_bytes()));
  return out;
}

}  // namespace

Floats DeviceMemory::floats(int64_t count) const {
  auto array = std::make_shared<Array<float>>(device_, count);
  return Floats(array, array->data());
}

Floats DeviceMemory::rotated(std::span<const float> values, int64_t block, Dtype dtype) const {
  Floats out = floats(static_cast<int64_t>(values.size()));
  device_.copy(out.get(), values.data(), static_cast<int64_t>(values.size_bytes()));
  rotate(device_, {out.get(), values.size()}, block, dtype);
  return out;
}

std::shared_ptr<FullStore> DeviceMemory::full_store(const BlockShape& room, Dtype dtype) const {
  return std::make_shared<PlainStore>(device_, room, dtype);
}

const DeviceCodec& DeviceMemory::twin(const SharedCodec& codec) const {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const DeviceCodec>& known = twins_[codec];
  if (!known) known = codec->on_device();
  if (!known) throw InternalError("a codec without kernels in a cache of a device");
  return *known;
}

std::unique_ptr<Codec> DeviceMemory::frozen(const Codec& codec, std::span<const float> values, const BlockShape& shape,
                                            Dtype) const {
  const auto own = codec.on_device();
  return own ? own->frozen(device_, values, shape) : nullptr;
}

std::unique_ptr<Encoded> DeviceMemory::encode(const SharedCodec& codec, std::span<const float> values, const BlockShape& shape,
                                              Dtype dtype) const {
  return std::make_unique<DeviceEncoded>(twin(codec).encode(device_, values, shape, dtype));
}

EncodingError DeviceMemory::error(const SharedCodec& codec, std::span<const float> values, const Encoded& encoded) const {
  return encoding_error(*codec, to_host(device_, values), to_host(arrays_of(encoded)));
}

std::shared_ptr<const TokenStore> DeviceMemory::block_store(const SharedCodec& codec, std::unique_ptr<Encoded> encoded) const {
  EncodedArrays arrays = std::move(static_cast<DeviceEncoded&>(*encoded).arrays);
  return std::make_shared<DeviceBlockStore>(device_, codec, twin(codec), std::move(arrays));
}

std::shared_ptr<TokenRoom> DeviceMemory::token_room(const SharedCodec& codec, const Encoded& sample, int64_t capacity) const {
  return std::make_shared<DeviceUnitStore>(device_, codec, twin(codec), arrays_of(sample), capacity);
}

}  // namespace kvdiff::device
