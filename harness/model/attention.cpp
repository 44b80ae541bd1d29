#include "harness/model/attention.h"

#include <algorithm>
#include <functional>

#include "cache_backends/rotation.h"
#include "harness/model/kernels/kernels.h"

namespace kvdiff {
namespace {

// Tokens decoded at a time: 64 x 128 floats stay in the first-level cache. Divides reduction_chunk.
constexpr int64_t tile_tokens = 64;
constexpr int64_t rows_per_block = 16;

using Pages = std::vector<std::shared_ptr<const KvPage>>;
using Tile = std::function<void(int64_t first, int64_t count, const float* values)>;

// Decodes the first `tokens` tokens of a head in tiles that never cross a multiple of tile_tokens.
void for_each_tile(const Pages& pages, int64_t head, int64_t head_size, int64_t tokens, std::vector<float>& buffer,
                   const Tile& use) {
  buffer.resize(static_cast<size_t>(tile_tokens * head_size));
  int64_t page_start = 0;
  for (const auto& page : pages) {
    const int64_t end = std::min(tokens, page_start + page->tokens());
    for (int64_t t = page_start; t < end;) {
      const int64_t count = std::min(end, (t / tile_tokens + 1) * tile_tokens) - t;
      page->decode(0, head, t - page_start, count, buffer.data());
      use(t, count, buffer.data());
      t += count;
    }
    page_start += page->tokens();
  }
}

// The queries of one KV head: [queries, head_size], query i belongs to row i / group and sees visible(i) tokens.
struct HeadTask {
  const AttentionShape& shape;
  const KvPages& pages;
  int64_t kv_head;
  const float* queries;
  int64_t count;
  int64_t first_visible;
  float *logits, *probs, *sums;  // [count, stride] twice, [count, head_size]
  int64_t stride;

  int64_t visible(int64_t query) const { return first_visible + query / shape.group(); }
  int64_t most_visible() const { return visible(count - 1); }
};

void score(const HeadTask& task, std::vector<float>& buffer) {
  const AttentionShape& shape = task.shape;
  const float scale = shape.eager ? 1.0f : shape.scale;
  for_each_tile(task.pages.key, task.kv_head, shape.head_size, task.most_visible(), buffer,
                [&](int64_t first, int64_t count, const float* keys) {
                  kernels().scores(task.queries, task.count, keys, count, shape.head_size, scale, task.logits + first,
                                   task.stride);
                });
}

void round_eagerly(const AttentionShape& shape, float* logits, int64_t count) {
  kernels().round(shape.dtype, logits, count);
  for (int64_t t = 0; t < count; ++t) logits[t] *= shape.scale;
  kernels().round(shape.dtype, logits, count);
}

void softmax(const HeadTask& task) {
  const Kernels& kernel = kernels();
  for (int64_t query = 0; query < task.count; ++query) {
    float* logits = task.logits + query * task.stride;
    float* probs = task.probs + query * task.stride;
    const int64_t count = task.visible(query);
    if (task.shape.eager) round_eagerly(task.shape, logits, count);
    std::copy(logits, logits + count, probs);
    kernel.exp_minus(probs, count, kernel.largest(logits, count));
    kernel.divide(probs, count, kernel.sum(probs, count));
    if (task.shape.eager) kernel.round(task.shape.dtype, probs, count);
  }
}

// One tile of values into the chunk's sums; a row stops at what it may see (adding 0 x value would not be neutral).
void weigh_tile(const HeadTask& task, int64_t first, int64_t count, const float* values, float* chunk) {
  const int64_t group = task.shape.group(), head_size = task.shape.head_size;
  for (int64_t query = 0; query < task.count; query += group) {
    const int64_t seen = std::min(count, task.visible(query) - first);
    if (seen > 0)
      kernels().weigh(task.probs + query * task.stride + first, group, task.stride, values, seen, head_size,
                      chunk + query * head_size);
  }
}

void join_chunk(const HeadTask& task, int64_t chunk_start, std::vector<float>& chunk) {
  const int64_t head_size = task.shape.head_size;
  for (int64_t query = 0; query < task.count; ++query) {
    if (task.visible(query) <= chunk_start) continue;
    for (int64_t d = query * head_size; d < (query + 1) * head_size; ++d)
      task.sums[d] = chunk_start == 0 ? chunk[static_cast<size_t>(d)] : task.sums[d] + chunk[static_cast<size_t>(d)];
  }
  std::fill(chunk.begin(), chunk.end(), 0.0f);
}

void weigh(const HeadTask& task, AttentionScratch& scratch) {
  const int64_t tokens = task.most_visible();
  scratch.chunk.assign(static_cast<size_t>(task.count * task.shape.head_size), 0.0f);
  for_each_tile(task.pages.value, task.kv_head, task.shape.head_size, tokens, scratch.tile,
                [&](int64_t first, int64_t count, const float* values) {
                  weigh_tile(task, first, count, values, scratch.chunk.data());
                  const int64_t end = first + count;
                  if (end % reduction_chunk == 0 || end == tokens)
                    join_chunk(task, (end - 1) / reduction_chunk * reduction_chunk, scratch.chunk);
                });
}

void run(HeadTask task, AttentionScratch& scratch) {
  const auto size = static_cast<size_t>(task.count * task.shape.head_size);
  if (task.pages.key_rotation > 0) {
    scratch.rotated.assign(task.queries, task.queries + size);
    rotate(scratch.rotated, task.pages.key_rotation);
    task.queries = scratch.rotated.data();
  }
  score(task, scratch.tile);
  softmax(task);
  weigh(task, scratch);
  if (task.pages.value_rotation > 0) rotate({task.sums, size}, task.pages.value_rotation);
  kernels().round(task.shape.dtype, task.sums, task.count * task.shape.head_size);
}

void gather(const AttentionShape& shape, const PrefillRows& rows, int64_t begin, int64_t count, int64_t kv_head,
            std::vector<float>& queries) {
  const int64_t width = shape.group() * shape.head_size, row = shape.heads * shape.head_size;
  queries.resize(static_cast<size_t>(count * width));
  for (int64_t r = 0; r < count; ++r)
    std::copy_n(rows.query + (begin + r) * row + kv_head * width, width, queries.data() + r * width);
}

}  // namespace

void attend_one(const AttentionShape& shape, const KvPages& pages, const float* query, AttentionScratch& scratch,
                const AttentionMaps& maps, float* out) {
  for (int64_t kv_head = 0; kv_head < shape.kv_heads; ++kv_head) {
    const int64_t head = kv_head * shape.group(), row = head * shape.head_size, map = head * pages.tokens;
    run({shape, pages, kv_head, query + row, shape.group(), pages.tokens, maps.logits + map,
         maps.probs + map, out + row, pages.tokens},
        scratch);
  }
}

void attend_rows(const AttentionShape& shape, const KvPages& pages, const PrefillRows& rows, int64_t kv_head,
                 AttentionScratch& scratch, float* out) {
  const int64_t width = shape.group() * shape.head_size;
  std::vector<float> sums;
  for (int64_t begin = 0; begin < rows.rows; begin += rows_per_block) {
    const int64_t count = std::min(rows_per_block, rows.rows - begin), queries = count * shape.group();
    const int64_t stride = rows.first_visible + begin + count - 1;
    gather(shape, rows, begin, count, kv_head, scratch.queries);
    scratch.logits.resize(static_cast<size_t>(queries * stride));
    scratch.probs.resize(scratch.logits.size());
    sums.assign(static_cast<size_t>(queries * shape.head_size), 0.0f);
    run({shape, pages, kv_head, scratch.queries.data(), queries, rows.first_visible + begin, scratch.logits.data(),
         scratch.probs.data(), sums.data(), stride},
        scratch);
    for (int64_t r = 0; r < count; ++r)
      std::copy_n(sums.data() + r * width, width, out + (begin + r) * shape.heads * shape.head_size + kv_head * width);
  }
}

}  // namespace kvdiff
