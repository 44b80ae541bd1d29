#pragma once
#include <functional>
#include <vector>

#include "cache_backends/faults/planted_fault.h"

namespace kvdiff {

// One side of one layer as attention is about to read it, and what a fault may look at. Rows are [B, H, tokens, D].
struct BentView {
  const FaultPlace& place;
  const FaultContext& context;
  CacheShape shape;
  int layer = 0;
  Side side = Side::key;
  int64_t tokens = 0, prompt = 0;            // `tokens` may change, of both sides then
  std::vector<float> values;                 // to be bent
  std::vector<float> given;                  // as it was appended
  std::vector<float> before;                 // the sound view of the append before; empty: there was none
  int64_t first_tokens = 0;                  // tokens that were held when the fault set in
  std::function<std::vector<float>(int layer, Side side)> sound;  // another place's sound view

  int64_t size() const { return shape.head_size; }
  int64_t heads() const { return shape.heads; }
  int64_t offset(int64_t row, int64_t token) const { return (row * tokens + token) * size(); }
  float* at(int64_t row, int64_t token) { return values.data() + offset(row, token); }
  bool hits(int64_t row) const { return place.head < 0 || row % heads() == place.head; }
  // Each row (sequence x head) that is hit, and each of its tokens from `first` on.
  template <class Use>
  void each(Use use, int64_t first = 0) {
    for (int64_t row = 0; row < shape.batch * heads(); ++row)
      for (int64_t token = first; token < tokens && hits(row); ++token) use(at(row, token), row, token);
  }
  // Inserts `count` rows of zeros behind the last token of every head.
  void pad(int64_t count);
  void drop_token(int64_t token);
};

// Largest magnitude of D values.
float magnitude(const float* row, int64_t size);

}  // namespace kvdiff
