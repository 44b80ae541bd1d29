#include "cache_backends/quantized_cache.h"

#include <fmt/format.h>

#include <algorithm>

#include "cache_backends/error.h"

namespace kvdiff {
namespace {

void add_page(std::vector<std::shared_ptr<const KvPage>>& pages, const TokenRun& run, bool quantized, int64_t head_size) {
  if (run.tokens() > 0) pages.push_back(make_page(run, quantized, head_size));
}

std::vector<std::shared_ptr<const KvPage>> pages_of(const SideCache& side, int64_t head_size) {
  std::vector<std::shared_ptr<const KvPage>> pages;
  add_page(pages, side.seen_encoded(), true, head_size);
  add_page(pages, side.seen_residual(), false, head_size);
  return pages;
}

}  // namespace

QuantizedCache::QuantizedCache(const CacheShape& shape, const std::vector<LayerPlan>& plans, std::string described)
    : shape_(shape), described_(std::move(described)) {
  for (const LayerPlan& plan : plans) layers_.push_back({SideCache(plan.key), SideCache(plan.value), 0});
}

QuantizedCache::Layer& QuantizedCache::at(int layer) {
  return const_cast<Layer&>(static_cast<const QuantizedCache&>(*this).at(layer));
}

const QuantizedCache::Layer& QuantizedCache::at(int layer) const {
  if (layer < 0 || static_cast<size_t>(layer) >= layers_.size()) {
    throw InternalError(fmt::format("layer {} of a cache of {} layers", layer, layers_.size()));
  }
  return layers_[static_cast<size_t>(layer)];
}

void QuantizedCache::append(int layer, const KvBlock& fresh) {
  const size_t elements = static_cast<size_t>(shape_.batch * shape_.heads * fresh.tokens * shape_.head_size);
  if (fresh.tokens < 1 || fresh.key.size() != elements || fresh.value.size() != elements) {
    throw InternalError(fmt::format("append of {} tokens: {} key and {} value elements, expected {}", fresh.tokens,
                                    fresh.key.size(), fresh.value.size(), elements));
  }
  Layer& place = at(layer);
  note(place.updates, layer, Side::key, place.key.append(fresh.key, fresh.tokens));
  note(place.updates, layer, Side::value, place.value.append(fresh.value, fresh.tokens));
  ++place.updates;
}

void QuantizedCache::note(int64_t update, int layer, Side side, const PeerVerdict& verdict) {
  if (verdict.message.empty()) return;
  const bool known = std::any_of(peer_failures_.begin(), peer_failures_.end(), [&](const PeerFailure& failure) {
    return failure.verdict.message == verdict.message;
  });
  if (!known) peer_failures_.push_back({update, layer, side, verdict});
}

KvPages QuantizedCache::pages(int layer) const {
  const Layer& place = at(layer);
  KvPages pages;
  pages.tokens = place.key.tokens();
  pages.key = pages_of(place.key, shape_.head_size);
  pages.value = pages_of(place.value, shape_.head_size);
  pages.key_quantized = place.key.seen_encoded().tokens() > 0;
  pages.value_quantized = place.value.seen_encoded().tokens() > 0;
  pages.key_rotation = place.key.seen_rotation();
  pages.value_rotation = place.value.seen_rotation();
  return pages;
}

void QuantizedCache::count_read(int layer) {
  at(layer).key.count_read();
  at(layer).value.count_read();
}

void QuantizedCache::settle() {
  for (Layer& layer : layers_) {
    layer.key.settle();
    layer.value.settle();
  }
}

void QuantizedCache::crop(int64_t tokens) {
  for (const Layer& layer : layers_) {
    if (tokens >= 0 && tokens <= layer.key.tokens()) continue;
    throw UserError(ExitCode::usage, fmt::format("crop to {} tokens: the cache holds {}; expected 0 to {}", tokens,
                                                 layer.key.tokens(), layer.key.tokens()));
  }
  for (Layer& layer : layers_) {
    layer.key.crop(tokens);
    layer.value.crop(tokens);
    if (tokens == 0) layer.updates = 0;
  }
  if (tokens == 0) peer_failures_.clear();
}

void QuantizedCache::reorder(std::span<const int64_t> rows) {
  const bool legal = std::all_of(rows.begin(), rows.end(), [&](int64_t row) { return row >= 0 && row < shape_.batch; });
  if (!legal || rows.size() != static_cast<size_t>(shape_.batch)) {
    throw InternalError(fmt::format("reorder by {} rows of a cache of {} sequences", rows.size(), shape_.batch));
  }
  const auto shared = std::make_shared<const std::vector<int64_t>>(rows.begin(), rows.end());
  for (Layer& layer : layers_) {
    layer.key.reorder(shared);
    layer.value.reorder(shared);
  }
}

Bytes QuantizedCache::bytes() const {
  Bytes total;
  for (const Layer& layer : layers_) {
    total += layer.key.bytes();
    total += layer.value.bytes();
  }
  return total;
}

Receipt QuantizedCache::receipt() const {
  Receipt receipt;
  for (const Layer& layer : layers_) {
    receipt.key.push_back(layer.key.receipt());
    receipt.value.push_back(layer.value.receipt());
  }
  receipt.peer_failures = peer_failures_;
  return receipt;
}

}  // namespace kvdiff
