#include "harness/run/prefill.h"

#include <algorithm>

namespace kvdiff {
namespace {

class PrefillSite final : public AttentionSite {
 public:
  PrefillSite(Engine& engine, Stream& stream) : engine_(engine), stream_(stream) {}

  void attend(int layer, const LayerRows& rows, std::span<float> out) override {
    add_to_digest(engine_.compute, stream_.digest.key[static_cast<size_t>(layer)], rows.key);
    add_to_digest(engine_.compute, stream_.digest.value[static_cast<size_t>(layer)], rows.value);
    append_rows(engine_.compute, *stream_.cache, layer, rows);
    const KvPages pages = stream_.cache->pages(layer);
    const QueryRows job{&pages, rows.query.data(), rows.rows, pages.tokens - rows.rows + 1, out.data()};
    engine_.compute.attend_rows(engine_.model.shape().attention, {&job, 1});
    stream_.cache->count_read(layer);
  }

 private:
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

Values logits_of(Engine& engine, std::span<const float> hidden, int64_t rows) {
  Values logits;
  engine.compute.resize(logits, rows * engine.model.shape().vocabulary);
  engine.model.head(hidden, rows, logits.span());
  return logits;
}

void append_rows(const Compute& compute, KvCache& cache, int layer, const LayerRows& rows) {
  Values key, value;
  compute.resize(key, static_cast<int64_t>(rows.key.size()));
  compute.resize(value, static_cast<int64_t>(rows.value.size()));
  compute.by_head(rows.key, cache.shape(), rows.rows, key.span());
  compute.by_head(rows.value, cache.shape(), rows.rows, value.span());
  cache.append(layer, {key.span(), value.span(), rows.rows});
}

Values prefill_values(Engine& engine, Stream& stream, std::span<const int32_t> tokens, int64_t piece) {
  PrefillSite site(engine, stream);
  Values logits;
  engine.compute.resize(logits, engine.model.shape().vocabulary);
  const auto total = static_cast<int64_t>(tokens.size()), step = piece > 0 ? piece : total;
  for (int64_t begin = 0; begin < total; begin += step) {
    const int64_t count = std::min(step, total - begin);
    const auto part = tokens.subspan(static_cast<size_t>(begin), static_cast<size_t>(count));
    engine.model.forward(batch_of(part, stream.position, begin + count == total), site, logits.span());
    stream.position += count;
  }
  return logits;
}

std::vector<float> prefill(Engine& engine, Stream& stream, std::span<const int32_t> tokens, int64_t piece) {
  return engine.compute.read(prefill_values(engine, stream, tokens, piece).span());
}

void copy_prefill(const Engine& engine, const Stream& from, Stream& to, int64_t piece) {
  const int64_t tokens = from.cache->length(0), step = piece > 0 ? piece : tokens;
  const ModelShape& shape = engine.model.shape();
  for (int layer = 0; layer < shape.layers; ++layer) {
    const KvPages pages = from.cache->pages(layer);
    for (int64_t begin = 0; begin < tokens; begin += step) {
      const int64_t count = std::min(step, tokens - begin);
      const Values key = engine.compute.read_back(pages, Side::key, shape.attention, begin, count);
      const Values value = engine.compute.read_back(pages, Side::value, shape.attention, begin, count);
      to.cache->append(layer, {key.span(), value.span(), count});
    }
  }
  to.cache->settle();  // nobody reads the prompt as it came any more
  to.digest = from.digest;
  to.position = from.position;
}

}  // namespace kvdiff
