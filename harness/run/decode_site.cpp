#include "harness/run/decode_site.h"

namespace kvdiff {
namespace {

template <class Value>
std::span<Value> part(std::span<Value> rows, size_t index, int64_t width) {
  return rows.subspan(index * static_cast<size_t>(width), static_cast<size_t>(width));
}

}  // namespace

DecodeSite::DecodeSite(Engine& engine, const PassStreams& streams, Observer* observer, ControlChecks& checks)
    : engine_(engine), streams_(streams), observer_(observer), shape_(engine.model.shape()), checks_(checks) {}

DecodeSite::Row DecodeSite::row_of(const LayerRows& rows, std::span<float> out, size_t index) const {
  const AttentionShape& shape = shape_.attention;
  const int64_t query = shape.heads * shape.head_size, key = shape.kv_heads * shape.head_size;
  return {part(rows.query, index, query), part(rows.key, index, key), part(rows.value, index, key),
          part(out, index, query)};
}

void DecodeSite::attend(int layer, const LayerRows& rows, std::span<float> out) {
  const size_t first = streams_.reference_active ? 1 : 0;
  if (first) {
    reference_ = row_of(rows, out, 0);
    Stream& stream = *streams_.rows[0];
    stream.cache->append(layer, {reference_.key, reference_.value, 1});
    reference_pages_ = stream.cache->pages(layer);
    attend_row(stream, layer, reference_, reference_pages_, reference_map_, 0);
  }
  const size_t others = streams_.rows.size() - first;
  engine_.pool.run(static_cast<int64_t>(others + streams_.local.size()), [&](int64_t task, int worker) {
    const auto at = static_cast<size_t>(task);
    if (at < others) return follow(*streams_.rows[first + at], layer, row_of(rows, out, first + at),
                                   static_cast<size_t>(worker));
    Values own;
    engine_.compute.resize(own, static_cast<int64_t>(reference_.out.size()));
    Row row = reference_;
    row.out = own.span();
    follow(*streams_.local[at - others], layer, row, static_cast<size_t>(worker));
  });
}

void DecodeSite::follow(Stream& stream, int layer, const Row& row, size_t worker) {
  stream.cache->append(layer, {row.key, row.value, 1});
  const KvPages pages = stream.cache->pages(layer);
  AttentionMap& map = engine_.maps[worker];
  attend_row(stream, layer, row, pages, map, worker);
  if (stream.lane == streams_.control && stream.mode == Mode::forced) check_control(layer, row);
  if (observed(stream)) observe_row(stream, layer, row, pages, map);
}

void DecodeSite::attend_row(Stream& stream, int layer, const Row& row, const KvPages& pages, AttentionMap& map,
                            size_t worker) {
  engine_.compute.attend_one(shape_.attention, pages, row.query.data(), map, row.out.data(), static_cast<int>(worker));
  stream.cache->count_read(layer);
  if (stream.mode == Mode::local) return;
  add_to_digest(engine_.compute, stream.digest.key[static_cast<size_t>(layer)], row.key);
  add_to_digest(engine_.compute, stream.digest.value[static_cast<size_t>(layer)], row.value);
}

bool DecodeSite::observed(const Stream& stream) const {
  if (!observer_ || !streams_.reference_active || stream.mode == Mode::free) return false;
  return stream.mode == Mode::local || streams_.observe_forced;
}

void DecodeSite::observe(const Stream& stream, int layer, Stage stage, int64_t rows, std::span<const float> reference,
                         std::span<const float> candidate) {
  Observation seen;
  seen.lane = stream.lane;
  seen.mode = stream.mode;
  seen.step = streams_.step;
  seen.layer = layer;
  seen.stage = stage;
  seen.rows = rows;
  seen.columns = static_cast<int64_t>(reference.size()) / rows;
  seen.reference = reference;
  seen.candidate = candidate;
  seen.device = engine_.compute.device();
  observer_->on(seen);
}

void DecodeSite::observe_row(Stream& stream, int layer, const Row& row, const KvPages& pages,
                             const AttentionMap& map) {
  const AttentionShape& shape = shape_.attention;
  if (stream.mode == Mode::forced) {
    observe(stream, layer, Stage::key, shape.kv_heads, reference_.key, row.key);
    observe(stream, layer, Stage::value, shape.kv_heads, reference_.value, row.value);
  }
  observe_history(stream, layer, pages, Side::key);
  observe_history(stream, layer, pages, Side::value);
  if (map.tokens == reference_map_.tokens) {  // a cache that shows another number of tokens has no like for like
    observe(stream, layer, Stage::attention_logits, shape.heads, reference_map_.logits.span(), map.logits.span());
    observe(stream, layer, Stage::attention_probs, shape.heads, reference_map_.probs.span(), map.probs.span());
  }
  observe(stream, layer, Stage::attention_output, shape.heads, reference_.out, row.out);
}

// Only what was encoded since the last look, and only once attention can see it.
void DecodeSite::observe_history(Stream& stream, int layer, const KvPages& pages, Side side) {
  const VisibleEncoding latest = stream.cache->visible_encoding(layer, side);
  int64_t& seen = stream.encodings_seen[static_cast<size_t>(2 * layer + (side == Side::value))];
  if (latest.count == seen || latest.tokens == 0) return;
  seen = latest.count;
  const bool key = side == Side::key;
  observe(stream, layer, key ? Stage::key_read : Stage::value_read, shape_.attention.kv_heads,
          engine_.compute.read_back(reference_pages_, side, shape_.attention, latest.first, latest.tokens).span(),
          engine_.compute.read_back(pages, side, shape_.attention, latest.first, latest.tokens).span());
}

void DecodeSite::check_control(int layer, const Row& row) {
  const auto compare = [&](Stage stage, std::span<const float> reference, std::span<const float> own) {
    checks_.compare({true, streams_.step, layer, stage}, reference, own);
  };
  compare(Stage::key, reference_.key, row.key);
  compare(Stage::value, reference_.value, row.value);
  compare(Stage::attention_output, reference_.out, row.out);
}

void DecodeSite::hidden(int layer, std::span<const float> rows) {
  const auto reference = part(rows, 0, shape_.hidden);
  for (size_t i = 1; i < streams_.rows.size(); ++i)
    if (observed(*streams_.rows[i]))
      observe(*streams_.rows[i], layer, Stage::hidden, 1, reference, part(rows, i, shape_.hidden));
}

}  // namespace kvdiff
