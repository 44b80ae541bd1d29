#include "cache_backends/device/plain_store.h"

#include "cache_backends/device/encoded_arrays.h"
#include "cache_backends/device/launch.h"

namespace kvdiff::device {

PlainStore::PlainStore(Device& device, const BlockShape& room, Dtype dtype)
    : FullStore(room.tokens), device_(device), room_(room), dtype_(dtype),
      narrow_(device, dtype == Dtype::float32 ? 0 : room.elements()), wide_(device, dtype == Dtype::float32 ? room.elements() : 0) {}

Format PlainStore::format() const {
  return PlainFormat{constant(narrow_), constant(wide_), dtype_, room_.tokens, room_.head_size};
}

void PlainStore::write(std::span<const float> values, int64_t n, int64_t source, int64_t first, int64_t count) {
  launch<Store>(device_, {Span<const float>(values.data(), static_cast<int64_t>(values.size())), span(narrow_), span(wide_),
                          dtype_, rows(), room_.head_size, n, source, room_.tokens, first, count});
}

void PlainStore::decode(int64_t sequence, int64_t head, int64_t first, int64_t count, float* out) const {
  device::decode(device_, format(), {sequence * room_.heads + head, first, count, room_.head_size, out});
}

Bytes PlainStore::bytes(int64_t count) const {
  return {.residual = rows() * count * room_.head_size * static_cast<int64_t>(size_of(dtype_))};
}

}  // namespace kvdiff::device
