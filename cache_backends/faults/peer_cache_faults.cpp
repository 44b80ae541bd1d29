#include "cache_backends/faults/peer_cache_faults.h"

#include <fmt/format.h>

#include <algorithm>

#include "cache_backends/error.h"
#include "cache_backends/nearest.h"
#include "cache_backends/peer_operations.h"
#include "cache_backends/quantized_cache.h"
#include "cache_backends/saved/archive.h"

namespace kvdiff {
namespace {

constexpr std::string_view nothing_saved = "IndexError: tuple index out of range";  // of update(), right behind a flush
constexpr std::string_view empty_residual = "IndexError: too many indices for tensor of dimension 1";

// A cache like any other: each fault replaces one operation, or what is told of the length.
template <class Fault>
class Peer : public KvCache {
 public:
  explicit Peer(std::unique_ptr<QuantizedCache> cache) : cache_(std::move(cache)) {}

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
  std::unique_ptr<KvCache> fork() const override {
    auto copy = std::make_unique<Fault>(static_cast<const Fault&>(*this));
    copy->cache_ = std::make_shared<QuantizedCache>(*cache_);
    return copy;
  }
  std::vector<std::byte> save() const override {
    ArchiveWriter own;
    own.number(miscount_);
    return framed(told, {cache_->save(), own.take()});
  }
  void restore(std::span<const std::byte> saved) override {
    const auto parts = unframed(saved, told, 2);
    ArchiveReader own(parts[1]);
    const int64_t miscount = own.number();
    cache_->restore(parts[0]);
    miscount_ = miscount;
  }
  Bytes bytes() const override { return cache_->bytes(); }
  Receipt receipt() const override { return cache_->receipt(); }

 protected:
  int layers() const { return static_cast<int>(cache_->shape().layers); }
  // Both sides stay equally long: under `streaming` they hold different numbers of tokens in full precision.
  int64_t residual(int layer) const {
    return std::min(cache_->side(layer, Side::key).residual().tokens(), cache_->side(layer, Side::value).residual().tokens());
  }
  void drop_newest(int layer, int64_t tokens) {
    for (const Side side : {Side::key, Side::value}) {
      TokenRun& run = cache_->side(layer, side).residual();
      run.crop(run.tokens() - tokens);
    }
  }
  void require_residual(int layer) const {
    if (residual(layer) == 0) throw UserError(ExitCode::invalid, std::string(empty_residual));
  }
  static constexpr std::string_view told = "a cache with a fault of the peer";
  std::shared_ptr<QuantizedCache> cache_;
  int64_t miscount_ = 0;  // tokens that the fault counts wrongly
};

class SharedLayers : public Peer<SharedLayers> {
 public:
  using Peer::Peer;
  std::unique_ptr<KvCache> fork() const override { return std::make_unique<SharedLayers>(*this); }
};

class CopyRaises : public Peer<CopyRaises> {
 public:
  using Peer::Peer;
  std::unique_ptr<KvCache> fork() const override {
    const PeerVerdict verdict = deep_copy_verdict(false, true);
    throw UserError(ExitCode::invalid, verdict.message);
  }
};

// The length of 4.55 on is a count of its own.
class CropResidual : public Peer<CropResidual> {
 public:
  using Peer::Peer;
  int64_t length(int layer) const override { return cache_->length(layer) + miscount_; }
  void crop(int64_t tokens) override {
    const int64_t removed = length(0) - tokens;
    if (removed <= 0) return;
    int64_t dropped = 0;
    for (int layer = 0; layer < layers(); ++layer) {
      require_residual(layer);
      dropped = std::min(removed, residual(layer));
      drop_newest(layer, dropped);
    }
    miscount_ += dropped;  // gone, and still counted
  }
};

class CropByLength : public Peer<CropByLength> {
 public:
  using Peer::Peer;
  int64_t length(int layer) const override { return cache_->length(layer) + miscount_; }
  void crop(int64_t tokens) override {
    if (tokens >= length(0)) return;
    int64_t dropped = 0;
    for (int layer = 0; layer < layers(); ++layer) {
      require_residual(layer);
      dropped = std::max<int64_t>(0, residual(layer) - tokens);
      drop_newest(layer, dropped);
    }
    miscount_ += dropped;
  }
};

class CropToZeroIgnored : public Peer<CropToZeroIgnored> {
 public:
  using Peer::Peer;
  void crop(int64_t tokens) override {
    if (tokens > 0) cache_->crop(tokens);
  }
};

class ResetKeepsCodes : public Peer<ResetKeepsCodes> {
 public:
  using Peer::Peer;
  int64_t length(int layer) const override { return cache_->length(layer) - miscount_; }
  void reset() override {
    for (int layer = 0; layer < layers(); ++layer) drop_newest(layer, residual(layer));
    miscount_ = cache_->length(0);  // of the old life, still there
  }
};

class ReorderResidual : public Peer<ReorderResidual> {
 public:
  using Peer::Peer;
  void reorder(std::span<const int64_t> rows) override {
    const auto shared = std::make_shared<const std::vector<int64_t>>(rows.begin(), rows.end());
    for (int layer = 0; layer < layers(); ++layer) {
      require_residual(layer);
      for (const Side side : {Side::key, Side::value}) cache_->side(layer, side).residual().reorder(shared);
    }
  }
};

class LengthLessOne : public Peer<LengthLessOne> {
 public:
  using Peer::Peer;
  int64_t length(int layer) const override { return cache_->length(layer) - (layer > 0 ? 1 : 0); }
};

class LengthCountsLayers : public Peer<LengthCountsLayers> {
 public:
  using Peer::Peer;
  void append(int layer, const KvBlock& fresh) override {
    const int64_t before = encoded(layer);
    const bool first = cache_->length(layer) == 0;
    cache_->append(layer, fresh);
    if (!first) miscount_ += encoded(layer) - before;
  }
  // One counter of what left the residual, raised by every layer that flushes. Here it outlives reset and crop.
  int64_t length(int layer) const override { return cache_->length(layer) + miscount_ - miscount_ / layers(); }

 private:
  int64_t encoded(int layer) const { return cache_->receipt().key[static_cast<size_t>(layer)].tokens_quantized; }
};

// Who saves [(layer.keys, layer.values) for layer in cache.layers] and updates a new cache with them.
class SavesResidual : public Peer<SavesResidual> {
 public:
  using Peer::Peer;
  void restore(std::span<const std::byte> saved) override {
    Peer::restore(saved);
    struct Held {
      std::vector<float> key, value;
      int64_t tokens;
    };
    std::vector<Held> all;
    for (int layer = 0; layer < layers(); ++layer) {
      const int64_t tokens = residual(layer);
      if (tokens == 0) throw UserError(ExitCode::invalid, std::string(nothing_saved));
      all.push_back({newest(layer, Side::key, tokens), newest(layer, Side::value, tokens), tokens});
    }
    cache_->reset();
    for (int layer = 0; layer < layers(); ++layer) {
      const Held& held = all[static_cast<size_t>(layer)];
      cache_->append(layer, {held.key, held.value, held.tokens});
    }
  }

 private:
  // [B, H, tokens, D]
  std::vector<float> newest(int layer, Side side, int64_t tokens) const {
    const KvPages pages = cache_->pages(layer);
    const std::vector<float> values = decoded(pages, side, shape());
    const auto row = static_cast<size_t>(pages.tokens * shape().head_size), kept = static_cast<size_t>(tokens * shape().head_size);
    std::vector<float> out;
    for (size_t end = row; end <= values.size(); end += row)
      out.insert(out.end(), values.data() + (end - kept), values.data() + end);
    return out;
  }
};

template <class Fault>
std::unique_ptr<KvCache> plant(std::unique_ptr<KvCache> cache) {
  auto* inner = dynamic_cast<QuantizedCache*>(cache.get());
  if (!inner) throw InternalError("a peer's fault is planted in what make_cache gives");
  cache.release();
  return std::make_unique<Fault>(std::unique_ptr<QuantizedCache>(inner));
}

constexpr PeerCacheFault table[] = {
    {"copy.copy", "4.41 to 5.23", "a shallow copy has the same layers: what is appended to one is in both",
     plant<SharedLayers>},
    {"deepcopy-raises", "4.41 to 5.23, quanto", "copy.deepcopy raises: the tensors of codes cannot be cloned",
     plant<CopyRaises>},
    {"crop-residual", "5.23", "crop shortens only what is in full precision, and the length still counts what is gone",
     plant<CropResidual>},
    {"crop-absolute", "4.55 to 5.15", "crop(n) keeps the first n tokens of the residual alone, and the length as it was",
     plant<CropByLength>},
    {"crop-zero", "5.15", "crop(0) does nothing", plant<CropToZeroIgnored>},
    {"reset-keeps-codes", "4.55 to 5.15", "reset forgets the residual and the length: the next prompt goes behind the old codes",
     plant<ResetKeepsCodes>},
    {"reorder-residual", "4.41 to 5.15", "reorder moves only what is in full precision, and raises right after a flush",
     plant<ReorderResidual>},
    {"length-less-one", "4.41 to 4.53", "get_seq_length of every layer but the first is one short", plant<LengthLessOne>},
    {"length-of-all-layers", "4.54", "every layer that flushes raises the one count of all: the length is too long",
     plant<LengthCountsLayers>},
    {"restore-residual-alone", "5.23", "keys and values of the layers, saved and given to a new cache, are the residual alone: "
     "the codes are lost, and right behind a flush there is nothing to give", plant<SavesResidual>},
};

}  // namespace

std::span<const PeerCacheFault> peer_cache_faults() { return table; }

const PeerCacheFault& find_peer_cache_fault(std::string_view name) {
  std::vector<std::string_view> names;
  for (const PeerCacheFault& fault : table) {
    if (fault.name == name) return fault;
    names.push_back(fault.name);
  }
  throw UserError(ExitCode::usage, fmt::format("found '{}', expected one of {}. Did you mean '{}'?", name, joined(names),
                                               nearest_match(name, names)));
}

}  // namespace kvdiff
