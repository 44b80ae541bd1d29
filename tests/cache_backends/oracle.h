#pragma once
#include <memory>
#include <string>
#include <vector>

#include "cache_backends/kv_cache.h"
#include "cache_backends/registry.h"

namespace kvdiff::test {

// K or V of every token that a test feeds: [B, H, T, D], values of `dtype`, an outlier channel among them.
struct Stream {
  CacheShape shape;
  int64_t tokens = 0;
  std::vector<float> key, value;
  // Tokens [first, first + count) as an append gets them: [B, H, count, D].
  std::vector<float> piece(Side side, int64_t first, int64_t count) const;
};
Stream make_stream(const CacheShape& shape, int64_t tokens, uint64_t seed);
void feed(KvCache& cache, const Stream& stream, int64_t first, int64_t count);

using Token = std::vector<float>;  // [B, H, D]

// One side of one layer told again, token by token and straight from the peers' sources: what tests hold caches to.
// It shares nothing with the caches but the codecs.
class OracleSide {
 public:
  OracleSide(const SideSpec& spec, const LaneSpec& lane, Side side, const CacheShape& shape);
  void append(const std::vector<float>& values, int64_t n);
  void crop(int64_t count);
  void reorder(const std::vector<int64_t>& rows);
  std::vector<float> view() const { return joined(view_); }
  std::vector<float> held() const { return joined(tokens_); }
  int64_t tokens() const { return static_cast<int64_t>(tokens_.size()); }
  int64_t encoded() const { return encoded_; }
  int64_t flushes = 0;

 private:
  void round_trip(int64_t first, int64_t count);
  void append_hf(const std::vector<Token>& fresh);
  void append_streaming(const std::vector<Token>& fresh);
  void leave_window();
  std::vector<float> joined(const std::vector<Token>& tokens) const;
  std::vector<Token> split(const std::vector<float>& values, int64_t n) const;

  CacheShape shape_;
  LaneSpec lane_;
  Side side_;
  Dtype stored_;
  std::shared_ptr<const Codec> made_, codec_;
  std::vector<Token> tokens_, view_;
  int64_t encoded_ = 0;
};

struct Oracle {
  Oracle(const CacheSpec& spec, const CacheShape& shape);
  void feed(const Stream& stream, int64_t first, int64_t count);
  OracleSide key, value;
};

// Bit for bit, NaN included.
bool same_bits(const std::vector<float>& left, const std::vector<float>& right);
std::vector<float> seen(const KvCache& cache, int layer, Side side);

}  // namespace kvdiff::test
