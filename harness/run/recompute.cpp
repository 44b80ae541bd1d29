#include "harness/run/recompute.h"

#include <fmt/format.h>

#include <algorithm>

namespace kvdiff {
namespace {

constexpr int64_t rows_per_task = 64, logit_rows_at_once = 16;

// K or V of this very pass, [tokens, H, D]: plain numbers, no cache.
class PlainPage final : public KvPage {
 public:
  PlainPage(std::span<const float> rows, const AttentionShape& shape) : rows_(rows), shape_(shape) {}
  int64_t tokens() const override { return static_cast<int64_t>(rows_.size()) / width(); }
  bool quantized() const override { return false; }
  void decode(int64_t, int64_t head, int64_t first, int64_t count, float* out) const override {
    for (int64_t t = 0; t < count; ++t)
      std::copy_n(rows_.data() + (first + t) * width() + head * shape_.head_size, shape_.head_size,
                  out + t * shape_.head_size);
  }

 private:
  int64_t width() const { return shape_.kv_heads * shape_.head_size; }
  std::span<const float> rows_;
  const AttentionShape& shape_;
};

class RecomputeSite final : public AttentionSite {
 public:
  RecomputeSite(Engine& engine, StreamDigest& digest) : engine_(engine), digest_(digest) {}

  void attend(int layer, const LayerRows& rows, std::span<float> out) override {
    const AttentionShape& shape = engine_.model.shape().attention;
    digest_.key[static_cast<size_t>(layer)].add(rows.key);
    digest_.value[static_cast<size_t>(layer)].add(rows.value);
    const KvPages pages{{std::make_shared<PlainPage>(rows.key, shape)},
                        {std::make_shared<PlainPage>(rows.value, shape)}, rows.rows, false, false};
    const int64_t blocks = (rows.rows + rows_per_task - 1) / rows_per_task, row = shape.heads * shape.head_size;
    engine_.pool.run(blocks * shape.kv_heads, [&](int64_t task, int worker) {
      const int64_t begin = task / shape.kv_heads * rows_per_task;
      attend_rows(shape, pages,
                  {rows.query.data() + begin * row, std::min(rows_per_task, rows.rows - begin), begin + 1},
                  task % shape.kv_heads, engine_.scratch[static_cast<size_t>(worker)], out.data() + begin * row);
    });
  }

  void hidden(int layer, std::span<const float> rows) override {
    if (layer + 1 == engine_.model.shape().layers) last_.assign(rows.begin(), rows.end());
  }
  std::vector<float> take_last() { return std::move(last_); }

 private:
  Engine& engine_;
  StreamDigest& digest_;
  std::vector<float> last_;
};

// In small groups of rows: the logits of all rows at once would not fit for long texts.
void hash_logits(Engine& engine, std::span<const float> hidden, int64_t first, StreamDigest& digest) {
  const ModelShape& shape = engine.model.shape();
  const int64_t rows = static_cast<int64_t>(hidden.size()) / shape.hidden;
  std::vector<float> logits;
  for (int64_t begin = first; begin < rows; begin += logit_rows_at_once) {
    const int64_t count = std::min(logit_rows_at_once, rows - begin);
    logits.resize(static_cast<size_t>(count * shape.vocabulary));
    engine.model.head(hidden.subspan(static_cast<size_t>(begin * shape.hidden),
                                     static_cast<size_t>(count * shape.hidden)), count, logits);
    digest.logits.add(logits);
  }
}

std::string first_difference(const StreamDigest& stream, const StreamDigest& again) {
  for (size_t layer = 0; layer < stream.key.size(); ++layer) {
    if (stream.key[layer].value() != again.key[layer].value()) return fmt::format("keys of layer {}", layer);
    if (stream.value[layer].value() != again.value[layer].value()) return fmt::format("values of layer {}", layer);
  }
  return stream.logits.value() == again.logits.value() ? "" : "logits";
}

}  // namespace

Recomputation recompute(Engine& engine, const Stream& stream, std::span<const int32_t> tokens, int64_t first_logits) {
  const auto count = static_cast<int64_t>(tokens.size());
  StreamDigest digest(engine.model.shape().layers);
  RecomputeSite site(engine, digest);
  RowBatch batch;
  batch.tokens.assign(tokens.begin(), tokens.end());
  for (int64_t i = 0; i < count; ++i) batch.positions.push_back(i);
  batch.lengths.assign(tokens.size(), count);
  engine.model.forward(batch, site, {});
  std::vector<float> hidden = site.take_last();
  hash_logits(engine, hidden, first_logits, digest);
  return {first_difference(stream.digest, digest), std::move(hidden)};
}

}  // namespace kvdiff
