#pragma once
#include <cstdint>
#include <vector>

#include "cache_backends/kv_cache.h"

namespace kvdiff {

struct AttentionShape {
  int64_t heads = 0, kv_heads = 0, head_size = 0;
  float scale = 0;          // 1 / sqrt(head_size), as float32
  Dtype dtype = Dtype::float16;
  bool eager = false;       // round scores and probabilities where transformers' eager path does; sdpa keeps float32
  int64_t group() const { return heads / kv_heads; }
};

// Working memory of one thread.
struct AttentionScratch {
  std::vector<float> tile, queries, rotated, logits, probs, chunk;
};

// Where the scaled scores and the probabilities of a row go, [heads, tokens] each.
struct AttentionMaps {
  float *logits = nullptr, *probs = nullptr;
};

// One query of one sequence over everything in the pages. query, out: [heads, head_size]; out is rounded to the dtype.
// Order: scores as in kernels.h; softmax with the largest score subtracted, e / sum; values weighed in chunks of tokens.
void attend_one(const AttentionShape& shape, const KvPages& pages, const float* query, AttentionScratch& scratch,
                const AttentionMaps& maps, float* out);

struct PrefillRows {
  const float* query = nullptr;  // [rows, heads, head_size]
  int64_t rows = 0;
  int64_t first_visible = 0;     // row r sees tokens [0, first_visible + r)
};

// The same for consecutive rows of one sequence and one KV head; bit-equal to attend_one row by row. out as query.
void attend_rows(const AttentionShape& shape, const KvPages& pages, const PrefillRows& rows, int64_t kv_head,
                 AttentionScratch& scratch, float* out);

}  // namespace kvdiff
