#pragma once
#include <memory>
#include <utility>

#include "cache_backends/kv_cache.h"

namespace kvdiff {

// Hands every call on: a decorator overrides what it changes. fork() is left to it, because a copy must be its own kind. One
// that keeps something beside the cache saves and restores both (framed() of saved/archive.h).
class ForwardingCache : public KvCache {
 public:
  const CacheShape& shape() const override { return cache_->shape(); }
  void append(int layer, const KvBlock& fresh) override { cache_->append(layer, fresh); }
  KvPages pages(int layer) const override { return cache_->pages(layer); }
  int64_t length(int layer) const override { return cache_->length(layer); }
  VisibleEncoding visible_encoding(int layer, Side side) const override { return cache_->visible_encoding(layer, side); }
  void count_read(int layer) override { cache_->count_read(layer); }
  void settle() override { cache_->settle(); }
  void crop(int64_t tokens) override { cache_->crop(tokens); }
  void reorder(std::span<const int64_t> rows) override { cache_->reorder(rows); }
  void reset() override { cache_->reset(); }
  std::vector<std::byte> save() const override { return cache_->save(); }
  void restore(std::span<const std::byte> saved) override { cache_->restore(saved); }
  Bytes bytes() const override { return cache_->bytes(); }
  Receipt receipt() const override { return cache_->receipt(); }

 protected:
  explicit ForwardingCache(std::unique_ptr<KvCache> cache) : cache_(std::move(cache)) {}
  std::unique_ptr<KvCache> cache_;
};

}  // namespace kvdiff
