#pragma once
#include <memory>
#include <span>
#include <vector>

#include "cache_backends/kv_cache.h"
#include "cache_backends/token_store.h"

namespace kvdiff {

// Sequence i is what row rows[i] of the store is; null: as they lie. Reordering never touches what is encoded, whose
// groups may cross sequences.
using Rows = std::shared_ptr<const std::vector<int64_t>>;

struct Segment {
  std::shared_ptr<const TokenStore> store;
  int64_t first = 0, count = 0;
  Rows rows;
  int64_t place = 0;  // in the run, counted from the first token that was ever in it
};

// A stretch of tokens, in order: a value that points into shared stores. Cheap to copy.
class TokenRun {
 public:
  int64_t tokens() const { return tokens_; }
  std::span<const Segment> segments() const { return segments_; }
  void append(std::shared_ptr<const TokenStore> store, int64_t first, int64_t count);
  void append_apart(Segment segment);  // never joined with the one before it; its place is found here
  void crop(int64_t tokens);        // keeps the first
  void drop_front(int64_t tokens);  // forgets the first
  void clear();
  void reorder(const Rows& rows);
  // Tokens [first, first + count) of one sequence and head: out [count, head_size].
  void decode(int64_t sequence, int64_t head, int64_t first, int64_t count, int64_t head_size, float* out) const;
  Bytes bytes() const;
  Bytes expected_bytes() const;

 private:
  std::vector<Segment> segments_;
  int64_t tokens_ = 0, dropped_ = 0;
};

// The tokens [first, first + count) of all sequences and heads as a tensor: [B, H, count, D].
void gather(const TokenRun& run, const BlockShape& row, int64_t first, int64_t count, int64_t stride, float* out);

// One run as attention finds it.
std::shared_ptr<const KvPage> make_page(TokenRun run, bool quantized, int64_t head_size);

}  // namespace kvdiff
