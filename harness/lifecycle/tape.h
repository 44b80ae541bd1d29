#pragma once
#include <span>
#include <vector>

#include "cache_backends/kv_cache.h"

namespace kvdiff {

// K and V that a cache is fed with: per layer [B, H, stride, D], of which the first `tokens` are used. Update 0 is the
// prompt in one piece, update u the token prompt + u - 1.
struct Tape {
  CacheShape shape;
  int64_t prompt = 0, tokens = 0, stride = 0;
  std::span<const std::vector<float>> key, value;  // by layer; not owned

  int64_t middle() const { return (prompt + tokens) / 2; }
  int64_t update_of(int64_t token) const { return token < prompt ? 0 : token - prompt + 1; }
  int64_t updates() const { return tokens - prompt + 1; }
  // Tokens [first, first + count) to every layer in one append, seen as attention sees it; `bent`: other values.
  void append(KvCache& cache, int64_t first, int64_t count, bool bent = false) const;
  void append_layer(KvCache& cache, int layer, int64_t first, int64_t count, bool bent = false) const;  // to one layer alone
  // The prompt, then single tokens up to `end`.
  void feed(KvCache& cache, int64_t end) const;
  void feed_bent(KvCache& cache, int64_t first, int64_t last) const;
};

// Drawn from a seed: about normal, with one channel of the keys twelve times as large, as real keys have them.
struct DrawnText {
  std::vector<std::vector<float>> key, value;
};
DrawnText drawn_text(const CacheShape& shape, int64_t tokens, uint64_t seed);

}  // namespace kvdiff
