#include "cache_backends/full_precision.h"

#include <algorithm>

#include "cache_backends/storage.h"

namespace kvdiff {

FullPrecisionStore::FullPrecisionStore(const BlockShape& room, Dtype dtype)
    : FullStore(room.tokens),
      room_(room),
      dtype_(dtype),
      stride_(room.head_size * static_cast<int64_t>(size_of(dtype))),
      bits_(new std::byte[static_cast<size_t>(room.batch * room.heads * room.tokens * stride_)]) {}

FullPrecisionStore::FullPrecisionStore(const BlockShape& room, Dtype dtype, std::span<const std::byte> bits)
    : FullPrecisionStore(room, dtype) {
  std::copy(bits.begin(), bits.end(), bits_.get());
  claim(0, room.tokens);
}

void FullPrecisionStore::save(ArchiveWriter& out, int64_t first, int64_t count) const {
  out.number(static_cast<int64_t>(dtype_));
  out.number(count);
  for (int64_t row = 0; row < room_.batch * room_.heads; ++row) out.raw(place(row, first), static_cast<size_t>(count * stride_));
}

std::byte* FullPrecisionStore::place(int64_t row, int64_t token) const {
  return bits_.get() + (row * room_.tokens + token) * stride_;
}

void FullPrecisionStore::write(std::span<const float> values, int64_t n, int64_t source, int64_t first, int64_t count) {
  for (int64_t row = 0; row < room_.batch * room_.heads; ++row) {
    const float* from = values.data() + (row * n + source) * room_.head_size;
    store(dtype_, from, count * room_.head_size, place(row, first));
  }
}

void FullPrecisionStore::decode(int64_t sequence, int64_t head, int64_t first, int64_t count, float* out) const {
  load(dtype_, place(sequence * room_.heads + head, first), count * room_.head_size, out);
}

Bytes FullPrecisionStore::bytes(int64_t count) const { return {.residual = room_.batch * room_.heads * count * stride_}; }

Bytes FullPrecisionStore::expected_bytes(int64_t count) const {
  const BlockShape held{room_.batch, room_.heads, count, room_.head_size};
  return {.residual = held.elements() * static_cast<int64_t>(size_of(dtype_))};
}

}  // namespace kvdiff
