#include "harness/run/recompute.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/run/plain_attention.h"

namespace kvdiff {
namespace {

constexpr int64_t logit_rows_at_once = 16;

class RecomputeSite final : public PlainAttention {
 public:
  RecomputeSite(Engine& engine, StreamDigest& digest) : PlainAttention(engine), engine_(engine), digest_(digest) {}

  void attend(int layer, const LayerRows& rows, std::span<float> out) override {
    add_to_digest(engine_.compute, digest_.key[static_cast<size_t>(layer)], rows.key);
    add_to_digest(engine_.compute, digest_.value[static_cast<size_t>(layer)], rows.value);
    PlainAttention::attend(layer, rows, out);
  }

  void hidden(int layer, std::span<const float> rows) override {
    if (layer + 1 == engine_.model.shape().layers) engine_.compute.copy(last_, rows);
  }
  Values take_last() { return std::move(last_); }

 private:
  Engine& engine_;
  StreamDigest& digest_;
  Values last_;
};

// In small groups of rows: the logits of all rows at once would not fit for long texts.
void hash_logits(Engine& engine, std::span<const float> hidden, int64_t first, StreamDigest& digest) {
  const ModelShape& shape = engine.model.shape();
  const int64_t rows = static_cast<int64_t>(hidden.size()) / shape.hidden;
  for (int64_t begin = first; begin < rows; begin += logit_rows_at_once) {
    const int64_t count = std::min(logit_rows_at_once, rows - begin);
    const auto part = hidden.subspan(static_cast<size_t>(begin * shape.hidden), static_cast<size_t>(count * shape.hidden));
    add_to_digest(engine.compute, digest.logits, logits_of(engine, part, count).span());
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
  Values hidden = site.take_last();
  hash_logits(engine, hidden.span(), first_logits, digest);
  return {first_difference(stream.digest, digest), std::move(hidden)};
}

}  // namespace kvdiff
