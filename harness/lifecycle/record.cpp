#include "harness/lifecycle/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace kvdiff {
namespace {

int64_t flushes_of(const KvCache& cache) {
  const Receipt receipt = cache.receipt();
  int64_t all = 0;
  for (const auto* side : {&receipt.key, &receipt.value})
    for (const SideReceipt& layer : *side) all += layer.flushes;
  return all;
}

bool same_bits(const std::vector<float>& found, const std::vector<float>& expected, const CacheShape& shape,
               std::span<const int64_t> rows) {
  if (found.size() != expected.size()) return false;
  if (rows.empty()) return std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)) == 0;
  const size_t row = found.size() / static_cast<size_t>(shape.batch);
  for (size_t i = 0; i < rows.size(); ++i)
    if (std::memcmp(found.data() + i * row, expected.data() + static_cast<size_t>(rows[i]) * row, row * sizeof(float)) != 0)
      return false;
  return true;
}

}  // namespace

std::string text_of(const Difference& difference) {
  if (difference.update < 0) return difference.what;
  return fmt::format("differs at update {}, layer {}, {}", difference.update, difference.layer, difference.what);
}

Snapshot snapshot(const KvCache& cache) {
  Snapshot out;
  for (int layer = 0; layer < cache.shape().layers; ++layer) {
    const KvPages pages = cache.pages(layer);
    out.key.push_back(decoded(pages, Side::key, cache.shape()));
    out.value.push_back(decoded(pages, Side::value, cache.shape()));
    out.lengths.push_back(cache.length(layer));
  }
  return out;
}

std::optional<Difference> difference(const Snapshot& found, const Snapshot& expected, const CacheShape& shape,
                                     int64_t update, std::span<const int64_t> rows) {
  for (size_t layer = 0; layer < expected.lengths.size(); ++layer) {
    const int place = static_cast<int>(layer);
    if (!same_bits(found.key[layer], expected.key[layer], shape, rows)) return Difference{update, place, "keys", Side::key};
    if (!same_bits(found.value[layer], expected.value[layer], shape, rows)) return Difference{update, place, "values", Side::value};
    if (found.lengths[layer] != expected.lengths[layer])
      return Difference{update, place, fmt::format("length {} instead of {}", found.lengths[layer], expected.lengths[layer]), {}};
  }
  return std::nullopt;
}

Record::Record(const Tape& tape, const std::function<std::unique_ptr<KvCache>()>& make, bool every_update)
    : shape_(tape.shape) {
  const auto cache = make();
  for (int64_t update = 0; update < tape.updates(); ++update) {
    const int64_t before = flushes_of(*cache), token = tape.prompt + update - 1;
    if (update == 0) tape.append(*cache, 0, tape.prompt);
    else tape.append(*cache, token, 1);
    flushed_.push_back(flushes_of(*cache) > before);
    const bool kept = every_update || update + 1 == tape.updates();
    if (kept) views_[update] = moment(*cache);
    cache->settle();
    if (kept) held_[update] = moment(*cache);
    note_length(*cache, update, tape.prompt + update);
  }
}

void Record::note_length(const KvCache& cache, int64_t update, int64_t expected) {
  for (int layer = 0; layer < shape_.layers && !wrong_length_; ++layer)
    if (const int64_t told = cache.length(layer); told != expected)
      wrong_length_ = Difference{update, layer, fmt::format("length {} instead of {}", told, expected), {}};
}

Record::Moment Record::moment(const KvCache& cache) {
  Moment out;
  for (int layer = 0; layer < cache.shape().layers; ++layer) out.push_back({cache.pages(layer), cache.length(layer)});
  return out;
}

Snapshot Record::decoded_moment(const Moment& moment) const {
  Snapshot out;
  for (const Layer& layer : moment) {
    out.key.push_back(decoded(layer.pages, Side::key, shape_));
    out.value.push_back(decoded(layer.pages, Side::value, shape_));
    out.lengths.push_back(layer.length);
  }
  return out;
}

std::optional<Difference> Record::check_view(const KvCache& cache, int64_t update) const {
  const auto found = views_.find(update);
  if (found == views_.end()) return std::nullopt;
  return difference(snapshot(cache), decoded_moment(found->second), shape_, update);
}

std::optional<Difference> Record::check_held(const KvCache& cache, int64_t update, std::span<const int64_t> rows) const {
  const auto found = held_.find(update);
  if (found == held_.end()) return std::nullopt;
  return difference(snapshot(cache), decoded_moment(found->second), shape_, update, rows);
}

int64_t Record::flushes() const { return std::count(flushed_.begin() + 1, flushed_.end(), true); }

}  // namespace kvdiff
