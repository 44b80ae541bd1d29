#pragma once
#include "cache_backends/device/store.h"
#include "cache_backends/side_memory.h"

namespace kvdiff::device {

// UnitStore (encoded_store.h) on a device: tokens that were encoded alone, side by side.
class DeviceUnitStore final : public TokenRoom, public DeviceStore {
 public:
  DeviceUnitStore(Device& device, SharedCodec codec, const DeviceCodec& twin, const EncodedArrays& sample, int64_t units,
                  int64_t capacity);
  StoreKind kind() const override { return StoreKind::units; }
  void save(ArchiveWriter&, int64_t, int64_t) const override { refuse_to_save(); }
  bool quantized() const override { return true; }
  Format format() const override;
  void write(int64_t token, const Encoded& encoded, const Units& units) override;
  void decode(int64_t sequence, int64_t head, int64_t first, int64_t count, float* out) const override;
  Bytes bytes(int64_t count) const override;
  Bytes expected_bytes(int64_t count) const override;
  void mark_codes(int64_t first, int64_t count, std::vector<bool>& used) const override;

 private:
  Device& device_;
  const SharedCodec codec_;
  const DeviceCodec& twin_;
  const BlockShape shape_;
  const Dtype dtype_;
  const int64_t packed_size_, scale_size_, zero_size_;  // of one token
  const Array<uint8_t> packed_;
  const Array<float> scale_, zero_;
};

}  // namespace kvdiff::device
