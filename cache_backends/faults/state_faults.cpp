#include <algorithm>
#include <bit>
#include <cmath>

#include "cache_backends/faults/bent_view.h"
#include "cache_backends/faults/fault_tables.h"

namespace kvdiff {
namespace {

void newest_not_written(BentView& view) {
  if (view.tokens < 2) return;
  view.each([&](float* row, int64_t, int64_t) { std::copy(row - view.size(), row, row); }, view.tokens - 1);
}

// What was held when the fault set in is all that is ever shown.
void frozen_history(BentView& view) {
  view.each([&](float* row, int64_t, int64_t) { std::fill(row, row + view.size(), 0.0f); }, view.first_tokens);
}

// Tokens of the window that were lost as they left it.
void window_lost(BentView& view) {
  const std::vector<float>& given = view.given;
  view.each([&](float* row, int64_t index, int64_t token) {
    const float* own = given.data() + view.offset(index, token);
    if (!std::equal(row, row + view.size(), own)) std::fill(row, row + view.size(), 0.0f);
  }, view.prompt);
}

// Down where rounding went up: towards minus infinity, by the row's own step.
void floored(BentView& view) {
  const auto steps = static_cast<float>(view.place.strength);
  view.each([&](float* row, int64_t index, int64_t token) {
    const float* own = view.given.data() + view.offset(index, token);
    const auto [low, high] = std::minmax_element(row, row + view.size());
    const float step = (*high - *low) / steps;
    for (int64_t c = 0; c < view.size(); ++c)
      if (row[c] > own[c]) row[c] -= step;
  });
}

// bfloat16: the lower 16 bits of a float are cut off.
void cut_to_bfloat16(BentView& view) {
  view.each([&](float* row, int64_t, int64_t) {
    for (int64_t c = 0; c < view.size(); ++c) row[c] = std::bit_cast<float>(std::bit_cast<uint32_t>(row[c]) & 0xffff0000u);
  });
}

bool any(const SideSpec&, const LaneSpec&, const CacheShape&, const FaultPlace&) { return true; }
// Elsewhere every token is encoded as it comes, and no crop gives it back.
bool keeps_a_window(const SideSpec&, const LaneSpec& lane, const CacheShape&, const FaultPlace&) {
  return lane.schedule.starts_with("hf") && lane.residual > 2;
}
bool encodes_later(const SideSpec&, const LaneSpec& lane, const CacheShape&, const FaultPlace&) {
  return lane.schedule == "immediate" || lane.residual <= 16;
}

using Operation = PlantedFault::Operation;
constexpr PlantedFault rows[] = {
    {"stale.newest", "stale, shared or unreset state", "C", "the newest token's place still holds the one before", 1, 1, false, true, newest_not_written, nullptr, {}, any},
    {"stale.history", "stale, shared or unreset state", "C", "tokens that arrive later are never written", 1, 1, false, true, frozen_history, nullptr, {}, any},
    {"state.window_lost", "stale, shared or unreset state", "F", "tokens are lost as they leave the window", 1, 1, false, true, window_lost, nullptr, {}, encodes_later},
    {"rounding.floor", "rounding mode", "T", "codes of so many steps are rounded down", 15, 255, false, true, floored, nullptr, {}, any},
    {"rounding.bfloat16", "rounding mode", "T", "decoded values are cut to bfloat16", 1, 1, false, true, cut_to_bfloat16, nullptr, {}, any},
    {"copy.shares", "stale, shared or unreset state", "C", "a fork and its original write into one memory", 1, 1, false, false, nullptr, nullptr, Operation::fork_shares, any},
    {"copy.loses_scales", "stale, shared or unreset state", "C", "a fork loses the scales of what it holds", 1, 1, false, false, nullptr, nullptr, Operation::fork_loses, any},
    {"reset.keeps", "stale, shared or unreset state", "C", "a reset leaves the old tokens", 1, 1, true, false, nullptr, nullptr, Operation::reset_keeps, any},
    {"crop.stale", "stale, shared or unreset state", "C", "the first token behind a crop reads what stood there before", 1, 1, false, false, nullptr, nullptr, Operation::crop_stale, keeps_a_window},
    {"restore.loses_codes", "stale, shared or unreset state", "C", "what was encoded is not there after save and restore", 1, 1, false, false, nullptr, nullptr, Operation::restore_loses_codes, encodes_later},
    {"restore.loses_window", "stale, shared or unreset state", "C", "what was in full precision is not there after save and restore", 1, 1, false, false, nullptr, nullptr, Operation::restore_loses_window, keeps_a_window},
    {"reorder.ignored", "stale, shared or unreset state", "B", "a reorder of sequences is not followed", 1, 1, false, false, nullptr, nullptr, Operation::reorder_ignored, any},
};

}  // namespace

std::span<const PlantedFault> state_faults() { return rows; }

}  // namespace kvdiff
