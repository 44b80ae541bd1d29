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

// One encoded tensor, in whatever memory: one unit, or many tokens that were encoded alone, side by side.
class Encoded {
 public:
  virtual ~Encoded() = default;
};

// Units [first, first + count) of the `of` that lie in an Encoded.
struct Units {
  int64_t of = 1, first = 0, count = 1;
};

// Room for tokens that are encoded one by one.
class TokenRoom : public GrowingStore {
 public:
  using GrowingStore::GrowingStore;
  virtual void write(int64_t token, const Encoded& encoded, const Units& units) = 0;  // to the claimed places from `token` on
};

// What encoding did to values so far, in whatever memory. Immutable; read() may wait for a device.
class EncodingTotals {
 public:
  virtual ~EncodingTotals() = default;
  virtual EncodingErrors read() const = 0;
};

using SharedCodec = std::shared_ptr<const Codec>;
using SharedTotals = std::shared_ptr<const EncodingTotals>;
using Floats = std::shared_ptr<float[]>;

// Where gathered tokens go: token t of row r (sequence x heads + head) to r * row_apart + t * token_apart times the head size
// behind `out`.
struct Gathered {
  float* out = nullptr;
  int64_t row_apart = 0, token_apart = 1;
};

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
  // Tokens [first, first + count) of a run over sequences and heads as in `row`.
  virtual void gather(const TokenRun& run, const BlockShape& row, int64_t first, int64_t count, const Gathered& to) const = 0;
  // Is it [n x B, H, 1, D] that n tokens are best encoded as: as units, each as if it were alone, in one call? (DeviceCodec)
  virtual bool encodes_units_at_once(const SharedCodec&) const { return false; }
  virtual std::unique_ptr<Encoded> encode(const SharedCodec& codec, std::span<const float> values, const BlockShape& shape,
                                          Dtype dtype) const = 0;
  // What encoding did to these values, unit by unit, on top of `before` (null: nothing yet). Does not wait.
  virtual SharedTotals judged(const SharedTotals& before, const SharedCodec& codec, std::span<const float> values,
                              const Encoded& encoded, int64_t units) const = 0;
  virtual SharedTotals totals(const EncodingErrors& errors) const = 0;
  virtual std::shared_ptr<const TokenStore> block_store(const SharedCodec& codec, std::unique_ptr<Encoded> encoded) const = 0;
  // `sample`: that many encoded tokens; all that follow have their sizes.
  virtual std::shared_ptr<TokenRoom> token_room(const SharedCodec& codec, const Encoded& sample, int64_t units,
                                                int64_t capacity) const = 0;
};
const SideMemory& host_memory();

}  // namespace kvdiff
