#include "cache_backends/decorators/patched_cache.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "cache_backends/decorators/forwarding_cache.h"
#include "cache_backends/decorators/patch_mask.h"
#include "cache_backends/error.h"
#include "cache_backends/rotation.h"
#include "cache_backends/saved/archive.h"

namespace kvdiff {
namespace {

using Pages = std::vector<std::shared_ptr<const KvPage>>;

struct LayerMasks {
  PatchMask key, value;
  const PatchMask& of(Side side) const { return side == Side::key ? key : value; }
};
using Masks = std::vector<LayerMasks>;

struct Stretch {
  int64_t sequence, head, first, count;
};

void decode_all(const Pages& pages, const Stretch& at, int64_t head_size, float* out) {
  int64_t start = 0;
  for (const auto& page : pages) {
    const int64_t begin = std::max(at.first, start), end = std::min(at.first + at.count, start + page->tokens());
    if (begin < end) page->decode(at.sequence, at.head, begin - start, end - begin, out + (begin - at.first) * head_size);
    start += page->tokens();
  }
}

// The quantized side with the mask's elements from the one in full precision; one page for the whole history.
class BlendedPage : public KvPage {
 public:
  struct Source {
    Pages quantized, full;
    int64_t tokens = 0, head_size = 0, rotation = 0;  // of the quantized pages
  };
  BlendedPage(Source source, std::shared_ptr<const Masks> masks, const PatchMask& mask)
      : source_(std::move(source)), masks_(std::move(masks)), mask_(mask) {}
  int64_t tokens() const override { return source_.tokens; }
  bool quantized() const override {
    return std::any_of(source_.quantized.begin(), source_.quantized.end(), [](const auto& page) { return page->quantized(); });
  }
  void decode(int64_t sequence, int64_t head, int64_t first, int64_t count, float* out) const override {
    const int64_t size = source_.head_size;
    const Stretch at{sequence, head, first, count};
    decode_all(source_.quantized, at, size, out);
    if (source_.rotation > 0) rotate({out, static_cast<size_t>(count * size)}, source_.rotation);
    std::vector<float> exact(static_cast<size_t>(count * size));
    decode_all(source_.full, at, size, exact.data());
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
  const PatchMask& mask_;
};

// Tokens [first, first + count) of one layer's side: [H, count, D].
std::vector<float> cut_out(const PatchSource& source, std::span<const float> side, int64_t first, int64_t count) {
  if (first + count > source.tokens)
    throw InternalError(fmt::format("a restoring patch: found token {}, expected {} at most", first + count, source.tokens));
  const auto size = static_cast<size_t>(source.shape.head_size), length = static_cast<size_t>(source.tokens) * size;
  std::vector<float> values;
  for (size_t head = 0; head < static_cast<size_t>(source.shape.heads); ++head) {
    const auto rows = side.subspan(head * length + static_cast<size_t>(first) * size, static_cast<size_t>(count) * size);
    values.insert(values.end(), rows.begin(), rows.end());
  }
  return values;
}

// Two caches fed with the same appends (restore: the second one with the source's). Only patched layers are kept in full
// precision: layer -> its place in full_.
class PatchedCache : public ForwardingCache {
 public:
  PatchedCache(std::unique_ptr<KvCache> cache, const Patch& patch, std::shared_ptr<const Masks> masks)
      : ForwardingCache(std::move(cache)), text_(text_of(patch)), kind_(patch.kind), source_(patch.source), masks_(std::move(masks)) {
    CacheShape shape = cache_->shape();
    shape.layers = 0;
    for (const LayerMasks& layer : *masks_)
      places_.push_back(layer.key.empty() && layer.value.empty() ? -1 : static_cast<int>(shape.layers++));
    if (shape.layers > 0) full_ = make_cache(parse_cache_spec("full"), shape);
  }
  PatchedCache(const PatchedCache& other)
      : ForwardingCache(other.cache_->fork()), full_(other.full_ ? other.full_->fork() : nullptr), text_(other.text_), kind_(other.kind_),
        source_(other.source_), masks_(other.masks_), places_(other.places_) {}

  void append(int layer, const KvBlock& fresh) override {
    const int place = places_.at(static_cast<size_t>(layer));
    if (place < 0) return cache_->append(layer, fresh);
    if (kind_ == PatchKind::restore) {
      restore(layer, place, fresh.tokens);
      return cache_->append(layer, fresh);
    }
    full_->append(place, fresh);
    if (kind_ == PatchKind::exempt) return cache_->append(layer, fresh);
    std::vector<float> key(fresh.key.begin(), fresh.key.end()), value(fresh.value.begin(), fresh.value.end());
    const LayerMasks& masks = (*masks_)[static_cast<size_t>(layer)];
    if (!masks.key.empty()) withhold(shape(), masks.key, key, cache_->length(layer));
    if (!masks.value.empty()) withhold(shape(), masks.value, value, cache_->length(layer));
    cache_->append(layer, {key, value, fresh.tokens});
  }
  KvPages pages(int layer) const override {
    KvPages pages = cache_->pages(layer);
    const int place = places_.at(static_cast<size_t>(layer));
    if (place < 0) return pages;
    const KvPages full = full_->pages(place);
    const LayerMasks& masks = (*masks_)[static_cast<size_t>(layer)];
    blend({pages.key, pages.key_quantized, pages.key_rotation}, full.key, masks.key);
    blend({pages.value, pages.value_quantized, pages.value_rotation}, full.value, masks.value);
    return pages;
  }
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
  std::vector<std::byte> save() const override {
    return framed(told(), {cache_->save(), full_ ? full_->save() : std::vector<std::byte>{}});
  }
  void restore(std::span<const std::byte> saved) override {
    const auto parts = unframed(saved, told(), 2);
    auto full = full_ ? full_->fork() : nullptr;
    if (full) full->restore(parts[1]);
    cache_->restore(parts[0]);
    full_ = std::move(full);
  }
  std::unique_ptr<KvCache> fork() const override { return std::make_unique<PatchedCache>(*this); }

 private:
  void restore(int layer, int place, int64_t tokens) {
    const auto at = static_cast<size_t>(layer);
    const int64_t first = full_->length(place);
    const auto key = cut_out(*source_, source_->key[at], first, tokens), value = cut_out(*source_, source_->value[at], first, tokens);
    full_->append(place, {key, value, tokens});
  }
  std::string told() const { return fmt::format("a cache with the patch '{}'", text_); }
  struct SeenSide {
    Pages& pages;
    bool& quantized;
    int64_t& rotation;
  };
  // What is blended is not rotated any more.
  void blend(SeenSide seen, const Pages& full, const PatchMask& mask) const {
    if (mask.empty()) return;
    const int64_t rotation = std::exchange(seen.rotation, 0);
    if (mask.whole()) {
      seen.pages = full;
      seen.quantized = false;
      return;
    }
    BlendedPage::Source source{seen.pages, full, 0, shape().head_size, rotation};
    for (const auto& page : seen.pages) source.tokens += page->tokens();
    seen.pages = {std::make_shared<BlendedPage>(std::move(source), masks_, mask)};
  }

  std::unique_ptr<KvCache> full_;
  std::string text_;
  PatchKind kind_;
  std::shared_ptr<const PatchSource> source_;
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

void check_source(const Patch& patch, const CacheShape& shape) {
  if (patch.kind != PatchKind::restore) return;
  const PatchSource* source = patch.source.get();
  if (!source) throw InternalError("a restoring patch without what the reference wrote");
  const CacheShape& own = source->shape;
  const auto elements = static_cast<size_t>(own.heads * source->tokens * own.head_size), layers = static_cast<size_t>(shape.layers);
  const auto sized = [&](const std::vector<std::span<const float>>& side) {
    return side.size() == layers && std::all_of(side.begin(), side.end(), [&](const auto& one) { return one.size() == elements; });
  };
  if (shape.batch != 1 || own.heads != shape.heads || own.head_size != shape.head_size || !sized(source->key) || !sized(source->value))
    throw InternalError(fmt::format("a restoring patch: found {} and {} layers of {} heads of {}, expected {} of {} of {}, one sequence",
                                    source->key.size(), source->value.size(), own.heads, own.head_size, shape.layers, shape.heads, shape.head_size));
}

std::string_view name_of(PatchKind kind) {
  switch (kind) {
    case PatchKind::exempt: return "exempt";
    case PatchKind::withhold: return "withhold";
    case PatchKind::restore: return "restore";
  }
  throw InternalError("a patch without a name");
}

}  // namespace

std::string text_of(const Patch& patch) {
  if (patch.parts.empty()) return "";
  std::string text(name_of(patch.kind));
  for (const PatchPart& part : patch.parts) {
    text += fmt::format(" {}.{}", part.layer, name_of(part.side));
    if (!part.heads.empty()) text += fmt::format(" h{}", fmt::join(part.heads, ","));
    if (!part.channels.empty()) text += fmt::format(" c{}", fmt::join(part.channels, ","));
    for (const auto& [first, last] : part.tokens) text += fmt::format(" t{}-{}", first, last);
  }
  return text;
}

std::unique_ptr<KvCache> make_patched_cache(std::unique_ptr<KvCache> cache, const Patch& patch) {
  check_source(patch, cache->shape());
  auto masks = std::make_shared<Masks>(static_cast<size_t>(cache->shape().layers));
  for (const PatchPart& part : patch.parts) {
    check(part, cache->shape());
    LayerMasks& layer = (*masks)[static_cast<size_t>(part.layer)];
    (part.side == Side::key ? layer.key : layer.value).add(part);
  }
  return std::make_unique<PatchedCache>(std::move(cache), patch, std::move(masks));
}

}  // namespace kvdiff
