#pragma once
#include <memory>
#include <string>
#include <vector>

#include "cache_backends/kv_cache.h"
#include "cache_backends/side_cache.h"

namespace kvdiff {

// schedule x codec x layout: every side of every layer has its own plan. Full precision is the plan without a codec.
class QuantizedCache : public KvCache {
 public:
  struct LayerPlan {
    std::shared_ptr<const SidePlan> key, value;
  };
  // described: the spec and the shape in one line, which a saved cache is known by.
  QuantizedCache(const CacheShape& shape, const std::vector<LayerPlan>& plans, std::string described);

  const CacheShape& shape() const override { return shape_; }
  void append(int layer, const KvBlock& fresh) override;
  KvPages pages(int layer) const override;
  int64_t length(int layer) const override { return at(layer).key.tokens(); }
  VisibleEncoding visible_encoding(int layer, Side side) const override {
    return side == Side::key ? at(layer).key.visible_encoding() : at(layer).value.visible_encoding();
  }
  void count_read(int layer) override;
  void settle() override;
  void crop(int64_t tokens) override;
  void reorder(std::span<const int64_t> rows) override;
  void reset() override { crop(0); }
  std::unique_ptr<KvCache> fork() const override { return std::make_unique<QuantizedCache>(*this); }
  std::vector<std::byte> save() const override;
  void restore(std::span<const std::byte> saved) override;
  Bytes bytes() const override;
  Receipt receipt() const override;
  SideCache& side(int layer, Side side) { return side == Side::key ? at(layer).key : at(layer).value; }

 private:
  struct Layer {
    SideCache key, value;
    int64_t updates = 0;
  };
  Layer& at(int layer);
  const Layer& at(int layer) const;
  void note(int64_t update, int layer, Side side, const PeerVerdict& verdict);

  Layer restored_layer(const Layer& plans, ArchiveReader& in) const;
  PeerFailure restored_failure(ArchiveReader& in) const;

  CacheShape shape_;
  std::string described_;
  std::vector<Layer> layers_;
  std::vector<PeerFailure> peer_failures_;
};

}  // namespace kvdiff
