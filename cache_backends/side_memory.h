#pragma once
#include <memory>
#include <span>

#include "cache_backends/codec.h"
#include "cache_backends/receipt.h"
#include "cache_backends/token_store.h"

namespace kvdiff {

// Room for full-precision tokens, written in order.
class FullStore : public GrowingStore {
 public:
  using GrowingStore::GrowingStore;
  // Tokens [source, source + count) of values [B, H, n, D] to the claimed places [first, first + count).
  virtual void write(std::span<const float> values, int64_t n, int64_t source, int64_t first, int64_t count) = 0;
};

// One encoded tensor, in whatever memory.
class Encoded {
 public:
  virtual ~Encoded() = default;
};

// Room for tokens that are encoded one by one.
class TokenRoom : public GrowingStore {
 public:
  using GrowingStore::GrowingStore;
  virtual void write(int64_t token, const Encoded& unit) = 0;  // to a claimed place
};

using SharedCodec = std::shared_ptr<const Codec>;
using Floats = std::shared_ptr<float[]>;

// Where the tokens of a cache lie, and who computes on them: the host, or a device. All pointers and spans of values that
// pass through here lie in that memory. The schedules (side_cache.h) are the same for all.
class SideMemory {
 public:
  virtual ~SideMemory() = default;
  virtual bool has(const Codec&) const { return true; }  // can it encode with this codec?
  virtual Floats floats(int64_t count) const = 0;
  virtual Floats rotated(std::span<const float> values, int64_t block, Dtype dtype) const = 0;
  virtual std::shared_ptr<FullStore> full_store(const BlockShape& room, Dtype dtype) const = 0;
  // The codec with its scales taken from these values, for good; null where every block has its own.
  virtual std::unique_ptr<Codec> frozen(const Codec& codec, std::span<const float> values, const BlockShape& shape,
                                        Dtype dtype) const = 0;
  virtual std::unique_ptr<Encoded> encode(const SharedCodec& codec, std::span<const float> values, const BlockShape& shape,
                                          Dtype dtype) const = 0;
  virtual EncodingError error(const SharedCodec& codec, std::span<const float> values, const Encoded& encoded) const = 0;
  virtual std::shared_ptr<const TokenStore> block_store(const SharedCodec& codec, std::unique_ptr<Encoded> encoded) const = 0;
  // `sample` is any encoded token: all have its sizes.
  virtual std::shared_ptr<TokenRoom> token_room(const SharedCodec& codec, const Encoded& sample, int64_t capacity) const = 0;
};
const SideMemory& host_memory();

}  // namespace kvdiff
