#include <algorithm>
#include <cmath>

#include "cache_backends/faults/bent_view.h"
#include "cache_backends/faults/fault_tables.h"
#include "cache_backends/rotation.h"

namespace kvdiff {
namespace {

// Turns each pair (c, c + D/2) of a key by so many positions.
template <class Positions>
void turn(BentView& view, Positions positions) {
  const auto half = static_cast<int64_t>(view.context.inverse_frequencies.size());
  view.each([&](float* row, int64_t, int64_t token) {
    for (int64_t c = 0; c < half; ++c) {
      const double angle = positions(token) * static_cast<double>(view.context.inverse_frequencies[static_cast<size_t>(c)]);
      const double cosine = std::cos(angle), sine = std::sin(angle), x = row[c], y = row[c + half];
      row[c] = static_cast<float>(x * cosine - y * sine);
      row[c + half] = static_cast<float>(y * cosine + x * sine);
    }
  });
}

void by_offset(BentView& view) {
  const double offset = std::round(view.place.strength);
  turn(view, [&](int64_t) { return offset; });
}
void twice(BentView& view) { turn(view, [](int64_t token) { return static_cast<double>(token); }); }
void missing(BentView& view) { turn(view, [](int64_t token) { return -static_cast<double>(token); }); }
// Positions that were counted anew behind the prompt.
void restarted(BentView& view) {
  turn(view, [&](int64_t token) { return token < view.prompt ? 0.0 : -static_cast<double>(view.prompt); });
}

void not_rotated_back(BentView& view) { rotate(view.values, rotation_block(view.side, view.size())); }

void one_token_late(BentView& view) {
  const std::vector<float> sound = view.values;
  view.each([&](float* row, int64_t index, int64_t token) {
    const float* from = sound.data() + view.offset(index, std::max<int64_t>(0, token - 1));
    std::copy(from, from + view.size(), row);
  });
}

void newest_missing(BentView& view) { view.drop_token(view.tokens - 1); }
void oldest_missing(BentView& view) { view.drop_token(0); }
void padded_behind(BentView& view) { view.pad(std::llround(view.place.strength)); }

void padded_in_front(BentView& view) {
  const int64_t count = std::llround(view.place.strength);
  view.each([&](float* row, int64_t, int64_t token) {
    if (token < count) std::fill(row, row + view.size(), 0.0f);
  });
}

bool any(const SideSpec&, const LaneSpec&, const CacheShape&, const FaultPlace&) { return true; }
bool keys_only(const SideSpec&, const LaneSpec&, const CacheShape&, const FaultPlace& place) { return place.side == Side::key; }
bool in_blocks_of_64(const SideSpec&, const LaneSpec&, const CacheShape& shape, const FaultPlace&) { return shape.head_size % 64 == 0; }

constexpr PlantedFault rows[] = {
    {"rope.offset", "position or rotation", "O", "keys are turned for so many positions further", 1, 64, false, true, by_offset, nullptr, {}, keys_only},
    {"rope.twice", "position or rotation", "O", "keys are turned twice", 1, 1, false, true, twice, nullptr, {}, keys_only},
    {"rope.missing", "position or rotation", "O", "keys are not turned", 1, 1, false, true, missing, nullptr, {}, keys_only},
    {"rope.restarted", "position or rotation", "O", "positions begin anew behind the prompt", 1, 1, false, true, restarted, nullptr, {}, keys_only},
    {"rotation.not_undone", "position or rotation", "O", "a Hadamard rotation is not turned back", 1, 1, false, false, not_rotated_back, nullptr, {}, in_blocks_of_64},
    {"length.one_token_late", "off-by-one length", "O", "every token is read one place late", 1, 1, false, true, one_token_late, nullptr, {}, any},
    {"length.newest_missing", "off-by-one length", "O", "the newest token is not read", 1, 1, true, false, newest_missing, nullptr, {}, any},
    {"length.oldest_missing", "off-by-one length", "K", "the oldest token is not read", 1, 1, true, false, oldest_missing, nullptr, {}, any},
    {"padding.behind", "padding", "K", "so many padding tokens are read behind the text", 1, 16, true, false, padded_behind, nullptr, {}, any},
    {"padding.in_front", "padding", "K", "the first tokens, so many, are read as padding", 1, 8, false, true, padded_in_front, nullptr, {}, any},
};

}  // namespace

std::span<const PlantedFault> position_faults() { return rows; }

}  // namespace kvdiff
