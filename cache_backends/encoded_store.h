#pragma once
#include <memory>
#include <span>
#include <vector>

#include "cache_backends/side_memory.h"

namespace kvdiff {

// One encoded block [B, H, n, D]: the whole history under hf, one flushed block under streaming. A cropped cache goes on
// holding all of it, and sees fewer tokens.
class BlockStore : public TokenStore {
 public:
  BlockStore(std::shared_ptr<const Codec> codec, EncodedBlock block);
  StoreKind kind() const override { return StoreKind::block; }
  bool quantized() const override { return true; }
  void save(ArchiveWriter& out, int64_t first, int64_t count) const override;
  void decode(int64_t sequence, int64_t head, int64_t first, int64_t count, float* out) const override;
  Bytes bytes(int64_t count) const override;
  Bytes expected_bytes(int64_t count) const override;
  void mark_codes(int64_t first, int64_t count, std::vector<bool>& used) const override;

 private:
  const std::shared_ptr<const Codec> codec_;
  const EncodedBlock block_;
};

// What the host's codecs give.
class HostEncoded final : public Encoded {
 public:
  explicit HostEncoded(EncodedBlock of) : block(std::move(of)) {}
  EncodedBlock block;
};

// Many tokens, each encoded alone as [B, H, 1, D], side by side in three arrays: no heap object per token.
class UnitStore : public TokenRoom {
 public:
  // `sample` is any encoded token: all have its sizes.
  UnitStore(std::shared_ptr<const Codec> codec, const EncodedView& sample, int64_t capacity);
  StoreKind kind() const override { return StoreKind::units; }
  bool quantized() const override { return true; }
  void save(ArchiveWriter& out, int64_t first, int64_t count) const override;
  void write(int64_t token, const EncodedView& unit);  // to a claimed place
  void write(int64_t token, const Encoded& unit, const Units&) override {
    write(token, EncodedView(static_cast<const HostEncoded&>(unit).block));
  }
  void decode(int64_t sequence, int64_t head, int64_t first, int64_t count, float* out) const override;
  Bytes bytes(int64_t count) const override;
  Bytes expected_bytes(int64_t count) const override;
  void mark_codes(int64_t first, int64_t count, std::vector<bool>& used) const override;

 private:
  EncodedView view(int64_t token) const;
  const std::shared_ptr<const Codec> codec_;
  const BlockShape shape_;
  const Dtype dtype_;
  const size_t packed_size_, scale_size_, zero_size_;  // of one token
  std::vector<std::byte> packed_;
  std::vector<float> scale_, zero_;
};

}  // namespace kvdiff
