#pragma once
#include "cache_backends/device/store.h"
#include "cache_backends/side_memory.h"

namespace kvdiff::device {

// FullPrecisionStore (full_precision.h) on a device.
class PlainStore final : public FullStore, public DeviceStore {
 public:
  PlainStore(Device& device, const BlockShape& room, Dtype dtype);
  StoreKind kind() const override { return StoreKind::full_precision; }
  void save(ArchiveWriter&, int64_t, int64_t) const override { refuse_to_save(); }
  bool quantized() const override { return false; }
  Format format() const override;
  void write(std::span<const float> values, int64_t n, int64_t source, int64_t first, int64_t count) override;
  void decode(int64_t sequence, int64_t head, int64_t first, int64_t count, float* out) const override;
  Bytes bytes(int64_t count) const override;
  Bytes expected_bytes(int64_t count) const override { return bytes(count); }

 private:
  int64_t rows() const { return room_.batch * room_.heads; }
  Device& device_;
  const BlockShape room_;
  const Dtype dtype_;
  const Array<uint16_t> narrow_;
  const Array<float> wide_;
};

}  // namespace kvdiff::device
