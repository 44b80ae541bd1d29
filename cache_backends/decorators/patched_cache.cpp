#include "cache_backends/decorators/patched_cache.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "cache_backends/error.h"

namespace kvdiff {
namespace {

using Pages = std::vector<std::shared_ptr<const KvPage>>;

// Which elements of one side of one layer are patched.
class Mask {
 public:
  void add(const PatchPart& part) { parts_.push_back(part); }
  bool empty() const { return parts_.empty(); }
  bool whole() const { return std::any_of(parts_.begin(), parts_.end(), [](const PatchPart& part) { return part.whole(); }); }
  // Marks the channels of one token and head; false: none.
  bool mark(int64_t head, int64_t token, std::vector<char>& channels) const {
    std::fill(channels.begin(), channels.end(), char{0});
    bool any = false;
    for (const PatchPart& part : parts_) {
      if (!holds(part.heads, head) || !in_ranges(part.tokens, token)) continue;
      any = true;
      if (part.channels.empty()) std::fill(channels.begin(), channels.end(), char{1});
      for (const int64_t channel : part.channels) channels[static_cast<size_t>(channel)] = 1;
    }
    return any;
  }

 private:
  static bool holds(const std::vector<int64_t>& list, int64_t value) {
    return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
  }
  static bool in_ranges(const std::vector<std::pair<int64_t, int64_t>>& ranges, int64_t token) {
    return ranges.empty() || std::any_of(ranges.begin(), ranges.end(), [&](const auto& range) {
      return range.first <= token && token <= range.second;
    });
  }
  std::vector<PatchPart> parts_;
};

struct LayerMasks {
  Mask key, value;
  const Mask& of(Side side) const { return side == Side::key ? key : value; }
};
using Masks = std::vector<LayerMasks>;

void decode_all(const Pages& pages, int64_t sequence, int64_t head, int64_t first, int64_t count, int64_t size, float* out) {
  int64_t start = 0;
  for (const auto& page : pages) {
    const int64_t begin = std::max(first, start), end = std::min(first + count, start + page->tokens());
    if (begin < end) page->decode(sequence, head, begin - start, end - begin, out + (begin - first) * size);
    start += page->tokens();
  }
}

// The quantized side with the mask's elements from the one in full precision; one page for the whole history.
class BlendedPage : public KvPage {
 public:
  struct Source {
    Pages quantized, full;
    int64_t tokens = 0, head_size = 0;
  };
  BlendedPage(Source source, std::shared_ptr<const Masks> masks, const Mask& mask)
      : source_(std::move(source)), masks_(std::move(masks)), mask_(mask) {}
  int64_t tokens() const override { return source_.tokens; }
  bool quantized() const override {
    return std::any_of(source_.quantized.begin(), source_.quantized.end(), [](const auto& page) { return page->quantized(); });
  }
  void decode(int64_t sequence, int64_t head, int64_t first, int64_t count, float* out) const override {
    const int64_t size = source_.head_size;
    decode_all(source_.quantized, sequence, head, first, count, size, out);
    std::vector<float> exact(static_cast<size_t>(count * size));
    decode_all(source_.full, sequence, head, first, count, size, exact.data());
    std::vector<char> channels(static_cast<size_t>(size));
    for (int64_t token = 0; token < count; ++token) {
      if (!mask_.mark(head, first + token, channels)) continue;
      for (int64_t channel = 0; channel < size; ++channel)
        if (channels[static_cast<size_t>(channel)]) out[token * size + channel] = exact[static_cast<size_t>(token * size + channel)];
    }
  }

 private:
  const Source source_;
  const std::shared_ptr<const Masks> masks_;  // keeps mask_ alive
  const Mask& mask_;
};

// What the quantizer is given in place of what is withheld, one token at a time.
class Withholding {
 public:
  Withholding(const CacheShape& shape, const Mask& mask) : shape_(shape), mask_(mask) {}

  // values [B, H, n, D]; the first of the n tokens stands at position `start`.
  void apply(std::vector<float>& values, int64_t n, int64_t start) {
    for (int64_t sequence = 0; sequence < shape_.batch; ++sequence)
      for (int64_t token = 0; token < n; ++token) one_token(values, n, {sequence, token, start + token});
  }

 private:
  struct Place {
    int64_t sequence, token, position;
  };
  void one_token(std::vector<float>& values, int64_t n, const Place& place) {
    std::vector<std::vector<char>> marks(static_cast<size_t>(shape_.heads), std::vector<char>(static_cast<size_t>(shape_.head_size)));
    std::vector<Mean> means(marks.size());
    Mean all;
    for (int64_t head = 0; head < shape_.heads; ++head) {
      const auto at = static_cast<size_t>(head);
      mask_.mark(head, place.position, marks[at]);
      const float* row = values.data() + offset(head, n, place);
      for (int64_t channel = 0; channel < shape_.head_size; ++channel) {
        if (marks[at][static_cast<size_t>(channel)]) continue;
        means[at].add(row[channel]);
        all.add(row[channel]);
      }
    }
    for (int64_t head = 0; head < shape_.heads; ++head) {
      const auto at = static_cast<size_t>(head);
      const float filler = round_to(shape_.dtype, means[at].count > 0 ? means[at].value() : all.value());
      float* row = values.data() + offset(head, n, place);
      for (int64_t channel = 0; channel < shape_.head_size; ++channel)
        if (marks[at][static_cast<size_t>(channel)]) row[channel] = filler;
    }
  }

  struct Mean {
    double sum = 0;
    int64_t count = 0;
    void add(float value) {
      sum += value;
      ++count;
    }
    float value() const { return count > 0 ? static_cast<float>(sum / static_cast<double>(count)) : 0.0f; }
  };
  int64_t offset(int64_t head, int64_t n, const Place& place) const {
    return ((place.sequence * shape_.heads + head) * n + place.token) * shape_.head_size;
  }
  const CacheShape& shape_;
  const Mask& mask_;
};

// Two caches fed with the same appends. Only patched layers are kept in full precision: layer -> its place in full_.
class PatchedCache : public KvCache {
 public:
  PatchedCache(std::unique_ptr<KvCache> cache, PatchKind kind, std::shared_ptr<const Masks> masks)
      : cache_(std::move(cache)), kind_(kind), masks_(std::move(masks)) {
    CacheShape shape = cache_->shape();
    shape.layers = 0;
    for (const LayerMasks& layer : *masks_)
      places_.push_back(layer.key.empty() && layer.value.empty() ? -1 : static_cast<int>(shape.layers++));
    if (shape.layers > 0) full_ = make_cache(parse_cache_spec("full"), shape);
  }
  PatchedCache(const PatchedCache& other)
      : cache_(other.cache_->fork()), full_(other.full_ ? other.full_->fork() : nullptr), kind_(other.kind_),
        masks_(other.masks_), places_(other.places_) {}

  const CacheShape& shape() const override { return cache_->shape(); }
  void append(int layer, const KvBlock& fresh) override {
    const int place = places_.at(static_cast<size_t>(layer));
    if (place < 0) return cache_->append(layer, fresh);
    full_->append(place, fresh);
    if (kind_ == PatchKind::exempt) return cache_->append(layer, fresh);
    std::vector<float> key(fresh.key.begin(), fresh.key.end()), value(fresh.value.begin(), fresh.value.end());
    const LayerMasks& masks = (*masks_)[static_cast<size_t>(layer)];
    if (!masks.key.empty()) Withholding(shape(), masks.key).apply(key, fresh.tokens, cache_->length(layer));
    if (!masks.value.empty()) Withholding(shape(), masks.value).apply(value, fresh.tokens, cache_->length(layer));
    cache_->append(layer, {key, value, fresh.tokens});
  }
  KvPages pages(int layer) const override {
    KvPages pages = cache_->pages(layer);
    const int place = places_.at(static_cast<size_t>(layer));
    if (place < 0) return pages;
    const KvPages full = full_->pages(place);
    const LayerMasks& masks = (*masks_)[static_cast<size_t>(layer)];
    blend(pages.key, pages.key_quantized, full.key, masks.key);
    blend(pages.value, pages.value_quantized, full.value, masks.value);
    return pages;
  }
  int64_t length(int layer) const override { return cache_->length(layer); }
  VisibleEncoding visible_encoding(int layer, Side side) const override { return cache_->visible_encoding(layer, side); }
  void count_read(int layer) override { cache_->count_read(layer); }
  void settle() override {
    cache_->settle();
    if (full_) full_->settle();
  }
  void crop(int64_t tokens) override {
    cache_->crop(tokens);
    if (full_) full_->crop(tokens);
  }
  void reorder(std::span<const int64_t> rows) override {
    cache_->reorder(rows);
    if (full_) full_->reorder(rows);
  }
  void reset() override {
    cache_->reset();
    if (full_) full_->reset();
  }
  std::unique_ptr<KvCache> fork() const override { return std::make_unique<PatchedCache>(*this); }
  Bytes bytes() const override { return cache_->bytes(); }
  Receipt receipt() const override { return cache_->receipt(); }

 private:
  void blend(Pages& pages, bool& quantized, const Pages& full, const Mask& mask) const {
    if (mask.empty()) return;
    if (mask.whole()) {
      pages = full;
      quantized = false;
      return;
    }
    BlendedPage::Source source{pages, full, 0, shape().head_size};
    for (const auto& page : pages) source.tokens += page->tokens();
    pages = {std::make_shared<BlendedPage>(std::move(source), masks_, mask)};
  }

  std::unique_ptr<KvCache> cache_, full_;
  PatchKind kind_;
  std::shared_ptr<const Masks> masks_;  // by layer
  std::vector<int> places_;
};

void check(const PatchPart& part, const CacheShape& shape) {
  const auto within = [](const std::vector<int64_t>& list, int64_t end, const char* what) {
    for (const int64_t one : list)
      if (one < 0 || one >= end)
        throw UserError(ExitCode::usage, fmt::format("patch: found {} {}, expected 0 to {}", what, one, end - 1));
  };
  within({part.layer}, shape.layers, "layer");
  within(part.heads, shape.heads, "KV head");
  within(part.channels, shape.head_size, "channel");
}

}  // namespace

std::string text_of(const Patch& patch) {
  if (patch.parts.empty()) return "";
  std::string text = patch.kind == PatchKind::exempt ? "exempt" : "withhold";
  for (const PatchPart& part : patch.parts) {
    text += fmt::format(" {}.{}", part.layer, name_of(part.side));
    if (!part.heads.empty()) text += fmt::format(" h{}", fmt::join(part.heads, ","));
    if (!part.channels.empty()) text += fmt::format(" c{}", fmt::join(part.channels, ","));
    for (const auto& [first, last] : part.tokens) text += fmt::format(" t{}-{}", first, last);
  }
  return text;
}

std::unique_ptr<KvCache> make_patched_cache(std::unique_ptr<KvCache> cache, const Patch& patch) {
  auto masks = std::make_shared<Masks>(static_cast<size_t>(cache->shape().layers));
  for (const PatchPart& part : patch.parts) {
    check(part, cache->shape());
    LayerMasks& layer = (*masks)[static_cast<size_t>(part.layer)];
    (part.side == Side::key ? layer.key : layer.value).add(part);
  }
  return std::make_unique<PatchedCache>(std::move(cache), patch.kind, std::move(masks));
}

}  // namespace kvdiff
