#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cache_backends/error.h"
#include "cache_backends/faults/bent_view.h"
#include "cache_backends/saved/archive.h"

namespace kvdiff {
namespace {

// Values [B, H, tokens, D], given out as one page.
class BentPage : public KvPage {
 public:
  BentPage(std::vector<float> values, const CacheShape& shape, int64_t tokens, bool quantized)
      : values_(std::move(values)), shape_(shape), tokens_(tokens), quantized_(quantized) {}
  int64_t tokens() const override { return tokens_; }
  bool quantized() const override { return quantized_; }
  void decode(int64_t sequence, int64_t head, int64_t first, int64_t count, float* out) const override {
    const float* from = values_.data() + ((sequence * shape_.heads + head) * tokens_ + first) * shape_.head_size;
    std::copy(from, from + count * shape_.head_size, out);
  }

 private:
  const std::vector<float> values_;
  const CacheShape shape_;
  const int64_t tokens_;
  const bool quantized_;
};

// Tokens of one side as they were appended, [tokens][B, H, D]: grows without moving.
struct Given {
  std::vector<std::vector<float>> tokens;
  void append(std::span<const float> values, const CacheShape& shape, int64_t count) {
    const int64_t rows = shape.batch * shape.heads, size = shape.head_size;
    for (int64_t token = 0; token < count; ++token) {
      std::vector<float>& one = tokens.emplace_back();
      for (int64_t row = 0; row < rows; ++row) {
        const float* from = values.data() + (row * count + token) * size;
        one.insert(one.end(), from, from + size);
      }
    }
  }
  std::vector<float> laid_out(const CacheShape& shape) const {
    const int64_t rows = shape.batch * shape.heads, size = shape.head_size, count = static_cast<int64_t>(tokens.size());
    std::vector<float> out(static_cast<size_t>(rows * count * size));
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t token = 0; token < count; ++token)
        std::copy_n(tokens[static_cast<size_t>(token)].data() + row * size, size, out.data() + (row * count + token) * size);
    return out;
  }
};

// A cache whose view of one layer is bent, replaced, or lost when it is handled. All else is the sound cache's.
class FaultyCache : public KvCache {
 public:
  FaultyCache(const PlantedFault& fault, const FaultPlace& place, const FaultContext& context, std::unique_ptr<KvCache> sound)
      : fault_(fault), place_(place), context_(context), sound_(std::move(sound)) {
    if (fault_.respell) told_ = make_cache(respelled(), shape());
  }
  FaultyCache(const FaultyCache& other)
      : fault_(other.fault_), place_(other.place_), context_(other.context_), sound_(other.sound_->fork()),
        told_(other.told_ ? other.told_->fork() : nullptr), given_{other.given_[0], other.given_[1]}, updates_(other.updates_),
        prompt_(other.prompt_), first_tokens_(other.first_tokens_), lost_from_(other.lost_from_), lost_(other.lost_), old_row_(other.old_row_),
        old_at_(other.old_at_), shared_(other.shared_), shared_from_(other.shared_from_) {}

  const CacheShape& shape() const override { return sound_->shape(); }
  void append(int layer, const KvBlock& fresh) override {
    sound_->append(layer, fresh);
    if (told_) told_->append(layer, fresh);
    if (layer != place_.layer) return;
    if (updates_ == 0) prompt_ = fresh.tokens;
    given_[0].append(fresh.key, shape(), fresh.tokens);
    given_[1].append(fresh.value, shape(), fresh.tokens);
    if (++updates_ == place_.update + 1) first_tokens_ = tokens();
    if (shared_) write_shared(fresh);
  }
  KvPages pages(int layer) const override {
    KvPages pages = sound_->pages(layer);
    if (layer != place_.layer || updates_ <= place_.update) return pages;
    for (const Side side : {Side::key, Side::value})
      if (side == place_.side || fault_.both_sides) replace(pages, side);
    return pages;
  }
  int64_t length(int layer) const override {
    return told_ && fault_.operation == PlantedFault::Operation::reset_keeps && layer == place_.layer ? told_->length(layer)
                                                                                                       : sound_->length(layer);
  }
  VisibleEncoding visible_encoding(int layer, Side side) const override { return held(layer, side).visible_encoding(layer, side); }
  void count_read(int layer) override {
    sound_->count_read(layer);
    if (told_) told_->count_read(layer);
  }
  void settle() override {
    sound_->settle();
    if (told_) told_->settle();
  }
  void crop(int64_t count) override {
    if (fault_.operation == PlantedFault::Operation::crop_stale && count > 0 && count < tokens()) keep_row(count);
    sound_->crop(count);
    if (told_) told_->crop(count);
    for (Given& side : given_) side.tokens.resize(static_cast<size_t>(std::min(count, tokens())));
    if (count == 0) updates_ = 0;
  }
  void reorder(std::span<const int64_t> rows) override {
    if (fault_.operation == PlantedFault::Operation::reorder_ignored && !told_) told_ = sound_->fork();
    sound_->reorder(rows);
    if (told_ && fault_.respell) told_->reorder(rows);
    const int64_t width = shape().heads * shape().head_size;
    for (Given& side : given_)
      for (std::vector<float>& token : side.tokens) {
        const std::vector<float> old = token;
        for (size_t i = 0; i < rows.size(); ++i) std::copy_n(old.data() + rows[i] * width, width, token.data() + static_cast<int64_t>(i) * width);
      }
  }
  void reset() override {
    if (fault_.operation == PlantedFault::Operation::reset_keeps) told_ = sound_->fork();
    else if (told_) told_->reset();
    sound_->reset();
    given_[0] = given_[1] = {};
    updates_ = fault_.operation == PlantedFault::Operation::reset_keeps ? place_.update : 0;
  }
  std::unique_ptr<KvCache> fork() const override {
    if (fault_.operation == PlantedFault::Operation::fork_shares && !shared_) {
      shared_ = std::make_shared<Shared>();
      shared_from_ = tokens();
    }
    auto copy = std::make_unique<FaultyCache>(*this);
    if (fault_.operation == PlantedFault::Operation::fork_loses) copy->lost_ = tokens();
    return copy;
  }
  std::vector<std::byte> save() const override {
    return framed(text(), {sound_->save(), told_ ? told_->save() : std::vector<std::byte>{}, own_state()});
  }
  void restore(std::span<const std::byte> saved) override {
    const auto parts = unframed(saved, text(), 3);
    auto told = parts[1].empty() ? nullptr : told_ ? told_->fork() : sound_->fork();
    if (told) told->restore(parts[1]);
    sound_->restore(parts[0]);
    told_ = std::move(told);
    restore_own_state(parts[2]);
    lose_restored();
  }
  Bytes bytes() const override { return told_ && fault_.respell ? told_->bytes() : sound_->bytes(); }
  Receipt receipt() const override {
    Receipt receipt = sound_->receipt();
    if (!told_) return receipt;
    Receipt other = told_->receipt();
    const auto at = static_cast<size_t>(place_.layer);
    if (place_.side == Side::key) receipt.key[at] = other.key[at];
    else receipt.value[at] = other.value[at];
    return receipt;
  }

 private:
  using Shared = std::vector<std::vector<float>>;  // by token: [B, H, D], of whoever wrote last
  std::string text() const { return fmt::format("a cache with the fault {}", text_of(fault_, place_)); }
  // What forks share is the restored one's own from then on.
  std::vector<std::byte> own_state() const {
    ArchiveWriter out;
    for (const int64_t value : {updates_, prompt_, first_tokens_, lost_from_, lost_, old_at_, shared_from_}) out.number(value);
    out.floats(old_row_);
    out.number(shared_ != nullptr);
    for (const Shared* list : {&given_[0].tokens, &given_[1].tokens, shared_ ? shared_.get() : &given_[0].tokens}) {
      out.number(static_cast<int64_t>(list->size()));
      for (const std::vector<float>& token : *list) out.floats(token);
    }
    return out.take();
  }
  void restore_own_state(std::span<const std::byte> saved) {
    ArchiveReader in(saved);
    for (int64_t* value : {&updates_, &prompt_, &first_tokens_, &lost_from_, &lost_, &old_at_, &shared_from_}) *value = in.number();
    old_row_ = in.floats();
    shared_ = in.flag("a flag of") ? std::make_shared<Shared>() : nullptr;
    Shared unused;
    for (Shared* list : {&given_[0].tokens, &given_[1].tokens, shared_ ? shared_.get() : &unused}) {
      list->clear();
      for (int64_t left = in.number(0, in.left(), "tokens:"); left > 0; --left) list->push_back(in.floats());
    }
    in.finish();
  }
  void lose_restored() {
    const Receipt receipt = sound_->receipt();
    const int64_t codes = (place_.side == Side::key ? receipt.key : receipt.value)[static_cast<size_t>(place_.layer)].tokens_quantized;
    if (fault_.operation == PlantedFault::Operation::restore_loses_codes) lost_ = codes;
    if (fault_.operation != PlantedFault::Operation::restore_loses_window || codes == tokens()) return;
    lost_from_ = codes;
    lost_ = tokens();
  }
  CacheSpec respelled() const {
    const LayerSpec layer = layer_spec(context_.spec, place_.layer, shape().layers);
    return parse_cache_spec(fault_.respell(place_.side == Side::key ? layer.key : layer.value, context_.spec.lane, place_.strength));
  }
  const KvCache& held(int layer, Side side) const { return told_ && layer == place_.layer && side == place_.side ? *told_ : *sound_; }
  int64_t tokens() const { return static_cast<int64_t>(given_[0].tokens.size()); }

  void replace(KvPages& pages, Side side) const {
    auto& own = side == Side::key ? pages.key : pages.value;
    bool& quantized = side == Side::key ? pages.key_quantized : pages.value_quantized;
    if (told_) {
      const KvPages other = told_->pages(place_.layer);
      own = side == Side::key ? other.key : other.value;
      quantized = side == Side::key ? other.key_quantized : other.value_quantized;
      (side == Side::key ? pages.key_rotation : pages.value_rotation) = other.rotation(side);
      pages.tokens = other.tokens;
      return;
    }
    BentView view = view_of(pages, side);
    if (fault_.bend) fault_.bend(view);
    else if (!handle(view)) return;
    own = {std::make_shared<BentPage>(std::move(view.values), shape(), view.tokens, quantized)};
    (side == Side::key ? pages.key_rotation : pages.value_rotation) = 0;
    if (side == Side::value || !fault_.both_sides) pages.tokens = view.tokens;
  }

  BentView view_of(const KvPages& pages, Side side) const {
    BentView view{place_, context_, shape(), place_.layer, side, pages.tokens, prompt_, decoded(pages, side, shape()),
                  given_[side == Side::value].laid_out(shape()), {}, first_tokens_, {}};
    view.sound = [this](int layer, Side other) { return decoded(sound_->pages(layer), other, shape()); };
    return view;
  }

  bool handle(BentView& view) const {
    if (lost_ > 0)
      view.each([&](float* row, int64_t, int64_t token) {
        for (int64_t c = 0; c < view.size() && token >= lost_from_ && token < lost_; ++c) row[c] = 0;
      });
    const auto overlay = [&](int64_t token, const std::vector<float>& source) {
      if (token >= view.tokens || source.empty()) return;
      for (int64_t row = 0; row < shape().batch * shape().heads; ++row)
        std::copy_n(source.data() + row * view.size(), view.size(), view.at(row, token));
    };
    if (!old_row_.empty()) overlay(old_at_, old_row_);
    if (shared_)
      for (size_t i = 0; i < shared_->size(); ++i) overlay(shared_from_ + static_cast<int64_t>(i), (*shared_)[i]);
    return lost_ > 0 || !old_row_.empty() || shared_ != nullptr;
  }

  void keep_row(int64_t token) {
    old_row_ = given_[place_.side == Side::value].tokens[static_cast<size_t>(token)];
    old_at_ = token;
  }
  void write_shared(const KvBlock& fresh) {
    Given one;
    one.append(place_.side == Side::key ? fresh.key : fresh.value, shape(), fresh.tokens);
    const int64_t first = tokens() - fresh.tokens - shared_from_;
    for (int64_t i = 0; i < fresh.tokens; ++i) {
      if (first + i < 0) continue;
      if (shared_->size() <= static_cast<size_t>(first + i)) shared_->resize(static_cast<size_t>(first + i) + 1);
      (*shared_)[static_cast<size_t>(first + i)] = one.tokens[static_cast<size_t>(i)];
    }
  }

  const PlantedFault& fault_;
  const FaultPlace place_;
  const FaultContext context_;
  std::unique_ptr<KvCache> sound_, told_;  // told_: another cache that the place is read from
  Given given_[2];
  int64_t updates_ = 0, prompt_ = 0, first_tokens_ = 0;
  int64_t lost_from_ = 0, lost_ = 0;       // tokens [lost_from_, lost_) that a fork or a restore lost
  std::vector<float> old_row_;             // of the token behind a crop
  int64_t old_at_ = 0;
  mutable std::shared_ptr<Shared> shared_;  // mutable: a fork that shares changes its original, too
  mutable int64_t shared_from_ = 0;
};

}  // namespace

void BentView::pad(int64_t count) {
  std::vector<float> longer(static_cast<size_t>(shape.batch * heads() * (tokens + count) * size()));
  for (int64_t row = 0; row < shape.batch * heads(); ++row)
    std::copy_n(at(row, 0), tokens * size(), longer.data() + row * (tokens + count) * size());
  values = std::move(longer);
  tokens += count;
}

void BentView::drop_token(int64_t token) {
  if (tokens < 2) return;
  std::vector<float> shorter;
  for (int64_t row = 0; row < shape.batch * heads(); ++row)
    for (int64_t t = 0; t < tokens; ++t)
      if (t != token) shorter.insert(shorter.end(), at(row, t), at(row, t) + size());
  values = std::move(shorter);
  --tokens;
}

float magnitude(const float* row, int64_t size) {
  float largest = 0;
  for (int64_t c = 0; c < size; ++c) largest = std::max(largest, std::fabs(row[c]));
  return largest;
}

std::unique_ptr<KvCache> plant(const PlantedFault& fault, const FaultPlace& place, const FaultContext& context,
                               std::unique_ptr<KvCache> sound) {
  const CacheShape& shape = sound->shape();
  if (place.layer >= shape.layers || place.head >= shape.heads)
    throw UserError(ExitCode::usage, fmt::format("found layer={}{}, expected a layer from 0 to {} and a KV head from 0 to {}", place.layer,
                                                 place.head < 0 ? "" : fmt::format(",head={}", place.head), shape.layers - 1, shape.heads - 1));
  if (!applies(fault, place, context, shape))
    throw UserError(ExitCode::usage, fmt::format("{} means nothing at layer {}, {}s of {}; try the other side, another layer, no head, or another cache",
                                                 fault.name, place.layer, name_of(place.side), canonical(context.spec)));
  return std::make_unique<FaultyCache>(fault, place, context, std::move(sound));
}

}  // namespace kvdiff
