#include <algorithm>
#include <cmath>

#include "cache_backends/faults/bent_view.h"
#include "cache_backends/faults/fault_tables.h"

namespace kvdiff {
namespace {

void nibbles_swapped(BentView& view) {
  view.each([&](float* row, int64_t, int64_t) {
    for (int64_t c = 0; c + 1 < view.size(); c += 2) std::swap(row[c], row[c + 1]);
  });
}

void channels_shifted(BentView& view) {
  const int64_t by = std::clamp<int64_t>(std::llround(view.place.strength), 1, view.size() - 1);
  view.each([&](float* row, int64_t, int64_t) { std::rotate(row, row + by, row + view.size()); });
}

// [tokens, heads] read where [heads, tokens] was written.
void transposed(BentView& view) {
  const std::vector<float> sound = view.values;
  view.each([&](float* row, int64_t index, int64_t token) {
    const int64_t head = index % view.heads(), flat = head * view.tokens + token;
    const int64_t source = index - head + flat % view.heads();
    const float* from = sound.data() + view.offset(source, flat / view.heads());
    std::copy(from, from + view.size(), row);
  });
}

// A block table that points at the neighbour: blocks of 16 tokens change places in pairs.
void blocks_swapped(BentView& view) {
  constexpr int64_t block = 16;
  const std::vector<float> sound = view.values;
  view.each([&](float* row, int64_t index, int64_t token) {
    const int64_t other = token ^ block;
    if ((token | block) / block * block + block > view.tokens) return;
    const float* from = sound.data() + view.offset(index, other);
    std::copy(from, from + view.size(), row);
  });
}

void copy_of(BentView& view, const std::vector<float>& from, int64_t first, int64_t heads_further) {
  view.each([&](float* row, int64_t index, int64_t token) {
    const int64_t head = (index + heads_further) % view.heads(), source = index - index % view.heads() + head;
    const float* place = from.data() + view.offset(source, token);
    std::copy(place, place + view.size(), row);
  }, first);
}

void next_head(BentView& view) { copy_of(view, std::vector<float>(view.values), 0, 1); }

// A head stride that is right for short texts only.
void next_head_beyond(BentView& view) {
  copy_of(view, std::vector<float>(view.values), std::llround(view.place.strength * static_cast<double>(view.prompt)), 1);
}

void other_layer(BentView& view) { copy_of(view, view.sound(view.layer - 1, view.side), 0, 0); }
void other_side(BentView& view) { copy_of(view, view.sound(view.layer, view.side == Side::key ? Side::value : Side::key), 0, 0); }

void first_sequence(BentView& view) {
  const std::vector<float> sound = view.values;
  view.each([&](float* row, int64_t index, int64_t token) {
    const float* from = sound.data() + view.offset(index % view.heads(), token);
    std::copy(from, from + view.size(), row);
  });
}

// The peer's packed codes of 3 bits, where every group finds the codes of the first one.
void codes_of_first_group(BentView& view) {
  const std::vector<float> sound = view.values;
  const auto range = std::minmax_element(sound.begin(), sound.begin() + view.size());
  const float low = *range.first, width = *range.second - *range.first;
  view.each([&](float* row, int64_t, int64_t) {
    const auto [own_low, own_high] = std::minmax_element(row, row + view.size());
    const float base = *own_low, scale = width > 0 ? (*own_high - *own_low) / width : 0;
    for (int64_t c = 0; c < view.size(); ++c) row[c] = base + (sound[static_cast<size_t>(c)] - low) * scale;
  });
}

bool any(const SideSpec&, const LaneSpec&, const CacheShape&, const FaultPlace&) { return true; }
bool has_layer_before(const SideSpec&, const LaneSpec&, const CacheShape&, const FaultPlace& place) { return place.layer > 0; }
bool has_heads(const SideSpec&, const LaneSpec&, const CacheShape& shape, const FaultPlace&) { return shape.heads > 1; }
bool hqq_in_tokens(const SideSpec& side, const LaneSpec&, const CacheShape&, const FaultPlace&) {
  return side.codec == "hqq" && side.values.at("axis") == "1";
}

constexpr PlantedFault rows[] = {
    {"layout.nibbles_swapped", "memory layout", "M", "neighbouring channels change places", 1, 1, false, true, nibbles_swapped, nullptr, {}, any},
    {"layout.channels_shifted", "memory layout", "M", "a token's channels begin so many too late", 1, 32, false, true, channels_shifted, nullptr, {}, any},
    {"layout.transposed", "memory layout", "M", "tokens and heads are read in the other order", 1, 1, false, false, transposed, nullptr, {}, has_heads},
    {"layout.blocks_swapped", "memory layout", "M", "blocks of 16 tokens change places in pairs", 1, 1, false, true, blocks_swapped, nullptr, {}, any},
    {"head.next", "wrong layer or head", "M", "the next KV head is read", 1, 1, false, true, next_head, nullptr, {}, has_heads},
    {"head.next_beyond", "wrong layer or head", "M", "the next KV head is read beyond this share of the prompt's length", 0.2, 0.9, false, true, next_head_beyond, nullptr, {}, has_heads},
    {"layer.before", "wrong layer or head", "H", "the layer before is read", 1, 1, false, true, other_layer, nullptr, {}, has_layer_before},
    {"sides.swapped", "K and V swapped", "M", "keys are read as values and values as keys", 1, 1, true, false, other_side, nullptr, {}, any},
    {"batch.first_sequence", "stale, shared or unreset state", "B", "every sequence of a batch reads the first one's", 1, 1, false, true, first_sequence, nullptr, {}, any},
    {"peer.codes_of_first_group", "the peer itself", "M", "every group finds the codes of the first, as hqq's 3 bits do along axis 1", 1, 1, false, false, codes_of_first_group, nullptr, {}, hqq_in_tokens},
};

}  // namespace

std::span<const PlantedFault> layout_faults() { return rows; }

}  // namespace kvdiff
