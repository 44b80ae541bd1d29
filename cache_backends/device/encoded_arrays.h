#pragma once
#include "cache_backends/device/store.h"
#include "cache_backends/side_memory.h"

namespace kvdiff::device {

class DeviceEncoded final : public Encoded {
 public:
  explicit DeviceEncoded(EncodedArrays of) : arrays(std::move(of)) {}
  EncodedArrays arrays;
};
inline const EncodedArrays& arrays_of(const Encoded& encoded) { return static_cast<const DeviceEncoded&>(encoded).arrays; }

// For tests, which let the host's codec read what the device's wrote.
EncodedBlock to_host(const EncodedArrays& arrays);
// How an encoded tensor is read: [rows, tokens, head_size].
Format format_of(const DeviceCodec& codec, const EncodedArrays& arrays);
// Sizes and addresses; the host may ask for the sizes alone.
EncodedView view_of(const EncodedArrays& arrays);

// BlockStore (encoded_store.h) on a device.
class DeviceBlockStore final : public TokenStore, public DeviceStore {
 public:
  DeviceBlockStore(Device& device, SharedCodec codec, const DeviceCodec& twin, EncodedArrays arrays)
      : device_(device), codec_(std::move(codec)), twin_(twin), arrays_(std::move(arrays)) {}
  StoreKind kind() const override { return StoreKind::block; }
  void save(ArchiveWriter&, int64_t, int64_t) const override { refuse_to_save(); }
  bool quantized() const override { return true; }
  Format format() const override { return format_of(twin_, arrays_); }
  void decode(int64_t sequence, int64_t head, int64_t first, int64_t count, float* out) const override;
  Bytes bytes(int64_t) const override { return codec_->bytes(view_of(arrays_)); }
  Bytes expected_bytes(int64_t) const override { return codec_->expected_bytes(arrays_.shape, arrays_.dtype); }
  void mark_codes(int64_t first, int64_t count, std::vector<bool>& used) const override;

 private:
  Device& device_;
  const SharedCodec codec_;
  const DeviceCodec& twin_;
  const EncodedArrays arrays_;
};

// Tokens [first, first + count) of one row of a store, as numbers: out [count, head_size], on the device.
struct DecodedTokens {
  int64_t row, first, count, head_size;
  float* out;
};
void decode(Device& device, const Format& format, const DecodedTokens& tokens);

}  // namespace kvdiff::device
