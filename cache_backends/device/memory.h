#pragma once
#include <map>
#include <mutex>

#include "cache_backends/device/codec.h"
#include "cache_backends/side_memory.h"

namespace kvdiff::device {

// The memory of a device, for the tokens of caches: K, V, codes, scales and residual stay there, kernels write and read them.
// What a flush did to its values, and which codes occur, is found there too: a receipt's numbers come back when it is asked for,
// nothing else and not before. Must outlive its caches.
class DeviceMemory final : public SideMemory {
 public:
  explicit DeviceMemory(Device& device) : device_(device) {}
  Device& device() const { return device_; }

  bool has(const Codec& codec) const override { return codec.on_device() != nullptr; }
  Floats floats(int64_t count) const override;
  Floats rotated(std::span<const float> values, int64_t block, Dtype dtype) const override;
  std::shared_ptr<FullStore> full_store(const BlockShape& room, Dtype dtype) const override;
  std::unique_ptr<Codec> frozen(const Codec& codec, std::span<const float> values, const BlockShape& shape,
                                Dtype dtype) const override;
  void gather(const TokenRun& run, const BlockShape& row, int64_t first, int64_t count, const Gathered& to) const override;
  bool encodes_units_at_once(const SharedCodec& codec) const override { return twin(codec).sequences_apart(); }
  std::unique_ptr<Encoded> encode(const SharedCodec& codec, std::span<const float> values, const BlockShape& shape,
                                  Dtype dtype) const override;
  SharedTotals judged(const SharedTotals& before, const SharedCodec& codec, std::span<const float> values,
                      const Encoded& encoded, int64_t units) const override;
  SharedTotals totals(const EncodingErrors& errors) const override;
  std::shared_ptr<const TokenStore> block_store(const SharedCodec& codec, std::unique_ptr<Encoded> encoded) const override;
  std::shared_ptr<TokenRoom> token_room(const SharedCodec& codec, const Encoded& sample, int64_t units,
                                        int64_t capacity) const override;

 private:
  const DeviceCodec& twin(const SharedCodec& codec) const;

  Device& device_;
  mutable std::mutex mutex_;
  mutable std::map<SharedCodec, std::shared_ptr<const DeviceCodec>> twins_;
};

}  // namespace kvdiff::device
