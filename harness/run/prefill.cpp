#include "harness/run/prefill.h"

#include <algorithm>

namespace kvdiff {
namespace {

constexpr int64_t rows_per_task = 64;

class PrefillSite final : public AttentionSite {
 public:
  PrefillSite(Engine& engine, Stream& stream) : engine_(engine), stream_(stream) {}

  void attend(int layer, const LayerRows& rows, std::span<float> out) override {
    const CacheShape shape = engine_.model.shape().cache();
    stream_.digest.key[static_cast<size_t>(layer)].add(rows.key);
    stream_.digest.value[static_cast<size_t>(layer)].add(rows.value);
    const std::vector<float> key = by_head(rows.key, shape, rows.rows), value = by_head(rows.value, shape, rows.rows);
    stream_.cache->append(layer, {key, value, rows.rows});
    attend_all(stream_.cache->pages(layer), rows, out);
    stream_.cache->count_read(layer);
  }

 private:
  void attend_all(const KvPages& pages, const LayerRows& rows, std::span<float> out) {
    const AttentionShape& shape = engine_.model.shape().attention;
    const int64_t blocks = (rows.rows + rows_per_task - 1) / rows_per_task, row = shape.heads * shape.head_size;
    engine_.pool.run(blocks * shape.kv_heads, [&](int64_t task, int worker) {
      const int64_t begin = task / shape.kv_heads * rows_per_task;
      const int64_t count = std::min(rows_per_task, rows.rows - begin);
      const PrefillRows part{rows.query.data() + begin * row, count, pages.tokens - rows.rows + begin + 1};
      attend_rows(shape, pages, part, task % shape.kv_heads, engine_.scratch[static_cast<size_t>(worker)],
                  out.data() + begin * row);
    });
  }

  Engine& engine_;
  Stream& stream_;
};

RowBatch batch_of(std::span<const int32_t> tokens, int64_t position, bool logits) {
  RowBatch batch;
  const auto count = static_cast<int64_t>(tokens.size());
  batch.tokens.assign(tokens.begin(), tokens.end());
  for (int64_t i = 0; i < count; ++i) batch.positions.push_back(position + i);
  batch.lengths.assign(tokens.size(), position + count);
  if (logits) batch.logit_rows = {count - 1};
  return batch;
}

}  // namespace

std::vector<float> by_head(std::span<const float> rows, const CacheShape& shape, int64_t tokens) {
  std::vector<float> out(rows.size());
  for (int64_t token = 0; token < tokens; ++token)
    for (int64_t head = 0; head < shape.heads; ++head)
      std::copy_n(rows.data() + (token * shape.heads + head) * shape.head_size, shape.head_size,
                  out.data() + (head * tokens + token) * shape.head_size);
  return out;
}

std::vector<float> prefill(Engine& engine, Stream& stream, std::span<const int32_t> tokens, int64_t piece) {
  PrefillSite site(engine, stream);
  std::vector<float> logits(static_cast<size_t>(engine.model.shape().vocabulary));
  const auto total = static_cast<int64_t>(tokens.size()), step = piece > 0 ? piece : total;
  for (int64_t begin = 0; begin < total; begin += step) {
    const int64_t count = std::min(step, total - begin);
    const auto part = tokens.subspan(static_cast<size_t>(begin), static_cast<size_t>(count));
    engine.model.forward(batch_of(part, stream.position, begin + count == total), site, logits);
    stream.position += count;
  }
  return logits;
}

void copy_prefill(const Stream& from, Stream& to, const CacheShape& shape, int64_t piece) {
  const int64_t tokens = from.cache->length(0), step = piece > 0 ? piece : tokens, row = shape.head_size;
  for (int layer = 0; layer < shape.layers; ++layer) {
    const KvPages pages = from.cache->pages(layer);
    const std::vector<float> key = decoded(pages, Side::key, shape), value = decoded(pages, Side::value, shape);
    for (int64_t begin = 0; begin < tokens; begin += step) {
      const int64_t count = std::min(step, tokens - begin);
      std::vector<float> part[2];
      for (int64_t head = 0; head < shape.heads; ++head)
        for (int side = 0; side < 2; ++side) {
          const float* start = (side ? value : key).data() + (head * tokens + begin) * row;
          part[side].insert(part[side].end(), start, start + count * row);
        }
      to.cache->append(layer, {part[0], part[1], count});
    }
  }
  to.cache->settle();  // nobody reads the prompt as it came any more
  to.digest = from.digest;
  to.position = from.position;
}

}  // namespace kvdiff
