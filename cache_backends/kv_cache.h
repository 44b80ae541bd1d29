#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cache_backends/codec.h"
#include "cache_backends/dtype.h"

namespace kvdiff {

class SideMemory;
class TokenRun;

// Shapes: B = sequences, H = KV heads, D = head size, n = new tokens, T = tokens held.
struct CacheShape {
  int64_t layers = 0, batch = 1, heads = 0, head_size = 0;
  Dtype dtype = Dtype::float16;  // the compute type: K and V hold values of this type
};

// Fresh K and V of one layer, after RoPE: [B, H, n, D] each.
struct KvBlock {
  std::span<const float> key, value;
  int64_t tokens = 0;
};

// A run of tokens as attention finds it: packed codes or full precision, nothing materialised. Cheap to copy; it keeps
// what it points to alive and unchanged, whatever the cache does next.
class KvPage {
 public:
  virtual ~KvPage() = default;
  virtual int64_t tokens() const = 0;
  virtual bool quantized() const = 0;
  // Tokens [first, first + count) of one sequence and head, decoded: out [count, D].
  virtual void decode(int64_t sequence, int64_t head, int64_t first, int64_t count, float* out) const = 0;
  // Where its tokens lie; null for pages that compute what they show.
  virtual const TokenRun* run() const { return nullptr; }
};

// In order of tokens. Keys and values may be cut differently.
struct KvPages {
  std::vector<std::shared_ptr<const KvPage>> key, value;
  int64_t tokens = 0;
  bool key_quantized = false, value_quantized = false;  // does any page hold codes?
  // Pages hold rotated rows (rotation.h) in blocks of so many channels: attention rotates the query, and its output back.
  int64_t key_rotation = 0, value_rotation = 0;         // 0: they do not
  int64_t rotation(Side side) const { return side == Side::key ? key_rotation : value_rotation; }
};

// Proof of activity, per layer and side.
struct SideReceipt {
  int64_t tokens_quantized = 0;   // held as codes now
  int64_t tokens_residual = 0;    // held in full precision now
  int64_t flushes = 0;            // times that tokens were encoded, the prompt's first time included
  int64_t encoded_elements = 0;   // over all flushes
  int64_t largest_requantized = 0;  // most often that one token was encoded
  int64_t distinct_codes = 0;     // used in the last encoded block
  int64_t quantized_reads = 0;    // token reads by attention that met codes
  double largest_error = 0;       // |decoded - given| at the flushes, largest of the finite ones
  double error_bound = 0;         // what such a format may show there, largest
  int64_t out_of_band = 0;        // encoded blocks whose error was larger than their own bound
  int64_t not_finite = 0;         // elements that were finite when given and are not when decoded
  Bytes measured, expected;
  bool operator==(const SideReceipt&) const = default;
};

// The peer would have failed on what was encoded here (only schedules that re-encode as transformers does have a peer).
struct PeerFailure {
  int64_t update = 0;  // of the append that encoded, 0 is the prefill; with verdict.at_dequantize the next one raises
  int layer = 0;
  Side side = Side::key;
  PeerVerdict verdict;
  bool operator==(const PeerFailure&) const = default;
};

struct Receipt {
  std::vector<SideReceipt> key, value;  // by layer
  std::vector<PeerFailure> peer_failures;  // the first of each message
  bool operator==(const Receipt&) const = default;
};

// The last time that tokens of a side were encoded, as far as pages() shows it already.
struct VisibleEncoding {
  int64_t count = 0;              // how many times so far
  int64_t first = 0, tokens = 0;  // which tokens that time
};

// One lane's cache, all layers. The reference is one more of these.
// What attention reads in an update may differ from what is held after it (a flush of `hf` is seen one step later; a
// prompt is read as it was given): pages() is the view of the last append(), until settle, crop, reorder or reset.
// One cache is used by one thread at a time; forks and pages of it may be used by others meanwhile.
class KvCache {
 public:
  virtual ~KvCache() = default;
  virtual const CacheShape& shape() const = 0;
  // Runs the schedule: may flush. The first append to a layer is its prefill. Throws UserError(usage) when the codec
  // cannot hold what a flush gives it (a group that does not divide); the cache is then of no further use.
  virtual void append(int layer, const KvBlock& fresh) = 0;
  virtual KvPages pages(int layer) const = 0;
  virtual int64_t length(int layer) const = 0;
  virtual VisibleEncoding visible_encoding(int layer, Side side) const = 0;
  // Attention tells that it has read the pages of this layer: the receipt counts what was quantized in them.
  virtual void count_read(int layer) = 0;
  // Attention has read: pages() is what is held from here on, and what was kept for the view is freed. Optional: the
  // next append() does the same.
  virtual void settle() = 0;
  // Keeps the first `tokens` tokens: what was encoded stays as it was decoded, the schedule goes on from what is left. 0 empties. Throws UserError(usage) when there are fewer.
  virtual void crop(int64_t tokens) = 0;
  virtual void reorder(std::span<const int64_t> rows) = 0;  // sequence i becomes what sequence rows[i] was
  virtual void reset() = 0;
  virtual std::unique_ptr<KvCache> fork() const = 0;  // an independent copy
  // All of it as bytes: codes, scales, residual, the schedule's state, what is seen and not yet settled, receipt. The file says
  // which cache it is of, and is guarded by a hash.
  virtual std::vector<std::byte> save() const = 0;
  // Becomes what was saved, bit for bit, in all that follows; what this cache held is gone. Throws UserError(input) for bytes
  // that are no such file, are cut short or changed, or were saved from a cache of another spec or shape; it then stays as it was.
  virtual void restore(std::span<const std::byte> saved) = 0;
  virtual Bytes bytes() const = 0;
  virtual Receipt receipt() const = 0;
};

// What is held, or seen, as numbers, rotated back: [B, H, T, D].
std::vector<float> decoded(const KvPages& pages, Side side, const CacheShape& shape);

// A cache for the spec. Throws UserError(usage) for what the spec's codec cannot do with this shape.
std::unique_ptr<KvCache> make_cache(const CacheSpec& spec, const CacheShape& shape);
// The same, whose tokens lie in that memory (side_memory.h), and so do all K and V that it is given. Throws UserError(usage)
// for a codec that this memory does not have.
std::unique_ptr<KvCache> make_cache(const CacheSpec& spec, const CacheShape& shape, const SideMemory& memory);

// The cache that `saved` was saved from: make_cache, then restore.
std::unique_ptr<KvCache> restore_cache(const CacheSpec& spec, const CacheShape& shape, std::span<const std::byte> saved);

// The same as make_cache, but whenever the schedule encodes a history again, it is encoded from the values as they were given, not from
// what an earlier encoding made of them: the error of one encoding, without what repeating it adds. Schedules that encode
// each token once are the same bits either way. For experiments: the values are kept, and bytes() does not count them.
std::unique_ptr<KvCache> make_one_shot_cache(const CacheSpec& spec, const CacheShape& shape);

}  // namespace kvdiff
