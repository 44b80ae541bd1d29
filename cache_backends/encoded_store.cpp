#include "cache_backends/encoded_store.h"

#include <algorithm>

#include "cache_backends/error.h"

namespace kvdiff {
namespace {

void mark(const Codec& codec, const EncodedView& block, std::vector<bool>& used) {
  used.resize(static_cast<size_t>(codec.levels()));
  for (const int32_t code : codec.codes(block)) {
    // Signed codes are counted as they lie in a byte.
    const int64_t level = code < 0 ? code + codec.levels() : code;
    if (level < 0 || level >= codec.levels()) throw InternalError("a code lies outside of its format");
    used[static_cast<size_t>(level)] = true;
  }
}

template <typename T>
void put(std::vector<T>& all, size_t token, std::span<const T> unit) {
  std::copy(unit.begin(), unit.end(), all.begin() + static_cast<std::ptrdiff_t>(token * unit.size()));
}

}  // namespace

BlockStore::BlockStore(std::shared_ptr<const Codec> codec, EncodedBlock block)
    : codec_(std::move(codec)), block_(std::move(block)) {}

void BlockStore::decode(int64_t sequence, int64_t head, int64_t first, int64_t count, float* out) const {
  const BlockShape& shape = block_.shape;
  const int64_t token = (sequence * shape.heads + head) * shape.tokens + first;
  codec_->decode(block_, token * shape.head_size, {out, static_cast<size_t>(count * shape.head_size)});
}

void BlockStore::save(ArchiveWriter& out, int64_t, int64_t) const {
  out.number(block_.shape.tokens);
  out.bytes(block_.packed);
  out.floats(block_.scale);
  out.floats(block_.zero);
}

Bytes BlockStore::bytes(int64_t) const { return codec_->bytes(block_); }
Bytes BlockStore::expected_bytes(int64_t) const { return codec_->expected_bytes(block_.shape, block_.dtype); }
void BlockStore::mark_codes(int64_t, int64_t, std::vector<bool>& used) const { mark(*codec_, block_, used); }

UnitStore::UnitStore(std::shared_ptr<const Codec> codec, const EncodedView& sample, int64_t capacity)
    : TokenRoom(capacity),
      codec_(std::move(codec)),
      shape_(sample.shape),
      dtype_(sample.dtype),
      packed_size_(sample.packed.size()),
      scale_size_(sample.scale.size()),
      zero_size_(sample.zero.size()),
      packed_(packed_size_ * static_cast<size_t>(capacity)),
      scale_(scale_size_ * static_cast<size_t>(capacity)),
      zero_(zero_size_ * static_cast<size_t>(capacity)) {}

void UnitStore::write(int64_t token, const EncodedView& unit) {
  if (unit.packed.size() != packed_size_ || unit.scale.size() != scale_size_ || unit.zero.size() != zero_size_) {
    throw InternalError("two tokens of one shape were encoded to different sizes");
  }
  const auto place = static_cast<size_t>(token);
  put(packed_, place, unit.packed);
  put(scale_, place, unit.scale);
  put(zero_, place, unit.zero);
}

// The sizes of one token, then token by token.
void UnitStore::save(ArchiveWriter& out, int64_t first, int64_t count) const {
  for (const size_t size : {packed_size_, scale_size_, zero_size_}) out.number(static_cast<int64_t>(size));
  out.number(count);
  for (int64_t token = first; token < first + count; ++token) {
    const EncodedView unit = view(token);
    out.raw(unit.packed.data(), unit.packed.size_bytes());
    out.raw(unit.scale.data(), unit.scale.size_bytes());
    out.raw(unit.zero.data(), unit.zero.size_bytes());
  }
}

EncodedView UnitStore::view(int64_t token) const {
  const auto place = static_cast<size_t>(token);
  EncodedView unit;
  unit.shape = shape_;
  unit.dtype = dtype_;
  unit.packed = std::span(packed_).subspan(place * packed_size_, packed_size_);
  unit.scale = std::span(scale_).subspan(place * scale_size_, scale_size_);
  unit.zero = std::span(zero_).subspan(place * zero_size_, zero_size_);
  return unit;
}

void UnitStore::decode(int64_t sequence, int64_t head, int64_t first, int64_t count, float* out) const {
  const int64_t begin = (sequence * shape_.heads + head) * shape_.head_size;
  for (int64_t token = first; token < first + count; ++token, out += shape_.head_size) {
    codec_->decode(view(token), begin, {out, static_cast<size_t>(shape_.head_size)});
  }
}

Bytes UnitStore::bytes(int64_t count) const {
  const Bytes one = codec_->bytes(view(0));
  return {one.codes * count, one.scales * count, one.zeros * count, one.residual * count};
}

Bytes UnitStore::expected_bytes(int64_t count) const {
  const Bytes one = codec_->expected_bytes(shape_, dtype_);
  return {one.codes * count, one.scales * count, one.zeros * count, one.residual * count};
}

void UnitStore::mark_codes(int64_t first, int64_t count, std::vector<bool>& used) const {
  for (int64_t token = first; token < first + count; ++token) mark(*codec_, view(token), used);
}

}  // namespace kvdiff
