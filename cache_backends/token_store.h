#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cache_backends/codec.h"
#include "cache_backends/dtype.h"
#include "cache_backends/saved/archive.h"

namespace kvdiff {

// The forms of a store, as a saved cache numbers them.
enum class StoreKind { full_precision, block, units };

// Tokens of one side of one layer, [B, H, n, D], in one form. What a reader has been given is never written again, so
// caches, their forks and their pages share stores freely.
class TokenStore {
 public:
  virtual ~TokenStore() = default;
  virtual StoreKind kind() const = 0;
  virtual bool quantized() const = 0;
  // Tokens [first, first + count) of one sequence and head, as numbers: out [count, D].
  virtual void decode(int64_t sequence, int64_t head, int64_t first, int64_t count, float* out) const = 0;
  virtual Bytes bytes(int64_t count) const = 0;           // held for `count` of the tokens
  virtual Bytes expected_bytes(int64_t count) const = 0;  // the same from the format's arithmetic
  // Tokens [first, first + count), for store_archive.h; a block is written whole.
  virtual void save(ArchiveWriter& out, int64_t first, int64_t count) const = 0;
  // Marks the codes that occur in tokens [first, first + count), one flag per level.
  virtual void mark_codes(int64_t, int64_t, std::vector<bool>&) const {}
};

// Room for `capacity` tokens, filled in order. Of several caches that share a store the first to continue gets the
// room; the others find it taken and continue elsewhere.
class GrowingStore : public TokenStore {
 public:
  // Room for `count` tokens right behind the first `used`? Then it is the caller's.
  bool claim(int64_t used, int64_t count);
  int64_t capacity() const { return capacity_; }
  bool has_room_behind(int64_t used) const { return used < capacity_ && claimed_.load(std::memory_order_acquire) == used; }

 protected:
  explicit GrowingStore(int64_t capacity) : capacity_(capacity) {}

 private:
  const int64_t capacity_;
  std::atomic<int64_t> claimed_{0};
};

}  // namespace kvdiff
