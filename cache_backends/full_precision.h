#pragma once
#include "cache_backends/side_memory.h"

namespace kvdiff {

// Tokens as they came, in the bits of `dtype`, [B, H, capacity, D]: the reference's whole history, and every residual.
class FullPrecisionStore : public FullStore {
 public:
  FullPrecisionStore(const BlockShape& room, Dtype dtype);
  // Full of saved tokens: save()'s bits, [B, H, room.tokens, D].
  FullPrecisionStore(const BlockShape& room, Dtype dtype, std::span<const std::byte> bits);
  StoreKind kind() const override { return StoreKind::full_precision; }
  bool quantized() const override { return false; }
  void save(ArchiveWriter& out, int64_t first, int64_t count) const override;
  void write(std::span<const float> values, int64_t n, int64_t source, int64_t first, int64_t count) override;
  void decode(int64_t sequence, int64_t head, int64_t first, int64_t count, float* out) const override;
  Bytes bytes(int64_t count) const override;
  Bytes expected_bytes(int64_t count) const override;

 private:
  std::byte* place(int64_t row, int64_t token) const;
  const BlockShape room_;
  const Dtype dtype_;
  const int64_t stride_;  // bytes of one token of one head
  const std::unique_ptr<std::byte[]> bits_;
};

}  // namespace kvdiff
