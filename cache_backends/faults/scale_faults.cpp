#include <algorithm>
#include <cmath>
#include <limits>

#include "cache_backends/faults/bent_view.h"
#include "cache_backends/faults/fault_tables.h"

namespace kvdiff {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
float strength(const BentView& view) { return static_cast<float>(view.place.strength); }

template <class Change>
void each_value(BentView& view, Change change) {
  view.each([&](float* row, int64_t, int64_t) { std::transform(row, row + view.size(), row, change); });
}

// Multiplies each row by the magnitude of another row over its own.
template <class Other>
void rescale(BentView& view, Other other) {
  const std::vector<float> sound = view.values;
  view.each([&](float* row, int64_t index, int64_t token) {
    const float own = magnitude(sound.data() + view.offset(index, token), view.size());
    const float ratio = own > 0 ? other(sound, index, token) / own : 1.0f;
    for (int64_t c = 0; c < view.size(); ++c) row[c] *= ratio;
  });
}

void factor(BentView& view) { each_value(view, [&](float x) { return x * (1 + strength(view)); }); }

void prompt_only(BentView& view) {
  view.each([&](float* row, int64_t, int64_t token) {
    for (int64_t c = 0; c < view.size() && token < view.prompt; ++c) row[c] *= 1 + strength(view);
  });
}

void offset(BentView& view) {
  view.each([&](float* row, int64_t, int64_t) {
    const float step = strength(view) * magnitude(row, view.size());
    for (int64_t c = 0; c < view.size(); ++c) row[c] += step;
  });
}

void zero_dropped(BentView& view) {
  view.each([&](float* row, int64_t, int64_t) {
    const float zero = *std::min_element(row, row + view.size());
    for (int64_t c = 0; c < view.size(); ++c) row[c] -= zero;
  });
}

void codes_as_numbers(BentView& view) {
  view.each([&](float* row, int64_t, int64_t) {
    const auto [low, high] = std::minmax_element(row, row + view.size());
    const float zero = *low, step = (*high - *low) / strength(view);
    for (int64_t c = 0; c < view.size() && step > 0; ++c) row[c] = std::nearbyint((row[c] - zero) / step);
  });
}

void signed_codes_as_numbers(BentView& view) {
  view.each([&](float* row, int64_t, int64_t) {
    const float step = magnitude(row, view.size()) / strength(view);
    for (int64_t c = 0; c < view.size() && step > 0; ++c) row[c] = std::nearbyint(row[c] / step);
  });
}

void of_layer(BentView& view) {
  const std::vector<float> other = view.sound(view.layer - 1, view.side);
  rescale(view, [&](const auto&, int64_t row, int64_t token) { return magnitude(other.data() + view.offset(row, token), view.size()); });
}

void of_side(BentView& view) {
  const std::vector<float> other = view.sound(view.layer, view.side == Side::key ? Side::value : Side::key);
  rescale(view, [&](const auto&, int64_t row, int64_t token) { return magnitude(other.data() + view.offset(row, token), view.size()); });
}

void of_head(BentView& view) {
  rescale(view, [&](const auto& sound, int64_t row, int64_t token) {
    const int64_t next = row - row % view.heads() + (row + 1) % view.heads();
    return magnitude(sound.data() + view.offset(next, token), view.size());
  });
}

void of_token_before(BentView& view) {
  rescale(view, [&](const auto& sound, int64_t row, int64_t token) {
    return magnitude(sound.data() + view.offset(row, std::max<int64_t>(0, token - 1)), view.size());
  });
}

void clip(BentView& view) {
  const float limit = strength(view) * magnitude(view.values.data(), static_cast<int64_t>(view.values.size()));
  each_value(view, [&](float x) { return std::clamp(x, -limit, limit); });
}

// The range of the prompt, per head, is kept for what comes later.
void frozen_range(BentView& view) {
  std::vector<float> range(static_cast<size_t>(view.shape.batch * view.heads()));
  view.each([&](float* row, int64_t index, int64_t token) {
    float& known = range[static_cast<size_t>(index)];
    if (token < view.prompt) known = std::max(known, strength(view) * magnitude(row, view.size()));
    for (int64_t c = 0; c < view.size() && token >= view.prompt; ++c) row[c] = std::clamp(row[c], -known, known);
  });
}

// Rows whose range is among the largest: their scale does not fit its type.
void row_overflow(BentView& view) {
  const float limit = strength(view) * magnitude(view.values.data(), static_cast<int64_t>(view.values.size()));
  view.each([&](float* row, int64_t, int64_t token) {
    if (token < view.prompt && magnitude(row, view.size()) >= limit) std::fill(row, row + view.size(), nan);
  });
}

void element_overflow(BentView& view) {
  const float limit = strength(view) * magnitude(view.values.data(), static_cast<int64_t>(view.values.size()));
  each_value(view, [&](float x) { return std::fabs(x) >= limit ? std::copysign(std::numeric_limits<float>::infinity(), x) : x; });
}

// One element of the token that arrived when the fault set in was not finite; nothing has been encoded that held it.
void input_not_finite(BentView& view) {
  view.each([&](float* row, int64_t, int64_t token) {
    if (token == view.first_tokens - 1) row[view.size() / 2] = nan;
  });
}

bool any(const SideSpec&, const LaneSpec&, const CacheShape&, const FaultPlace&) { return true; }
bool has_layer_before(const SideSpec&, const LaneSpec&, const CacheShape&, const FaultPlace& place) { return place.layer > 0; }
bool has_heads(const SideSpec&, const LaneSpec&, const CacheShape& shape, const FaultPlace&) { return shape.heads > 1; }
// Where a token is shown in full precision before it is encoded.
bool has_window(const SideSpec&, const LaneSpec& lane, const CacheShape&, const FaultPlace& place) {
  return lane.schedule != "immediate" && lane.residual > 1 && place.update > 0;
}

constexpr PlantedFault rows[] = {
    {"scale.factor", "scale or zero", "Z", "every scale is too large by this share", 1e-4, 1, false, true, factor, nullptr, {}, any},
    {"scale.prompt_only", "scale or zero", "D", "the prompt's tokens are read with a scale too large by this share: another path than decoding", 1e-3, 1, false, true, prompt_only, nullptr, {}, any},
    {"zero.offset", "scale or zero", "Z", "every zero is off, by this share of the token's range", 1e-4, 1, false, true, offset, nullptr, {}, any},
    {"zero.dropped", "scale or zero", "Z", "zeros are not applied", 1, 1, false, true, zero_dropped, nullptr, {}, any},
    {"codes.as_numbers", "missing dequantize", "Z", "attention reads codes of so many steps as if they were values", 3, 255, false, true, codes_as_numbers, nullptr, {}, any},
    {"codes.signed_as_numbers", "missing dequantize", "Z", "the same with signed codes up to this number", 7, 127, false, true, signed_codes_as_numbers, nullptr, {}, any},
    {"scale.of_layer", "scale of another place", "Z", "scales of the layer before", 1, 1, false, true, of_layer, nullptr, {}, has_layer_before},
    {"scale.of_side", "scale of another place", "Z", "keys are read with the values' scales, or the reverse", 1, 1, false, true, of_side, nullptr, {}, any},
    {"scale.of_head", "scale of another place", "M", "scales of the next head", 1, 1, false, true, of_head, nullptr, {}, has_heads},
    {"scale.of_token_before", "scale of another place", "M", "scales lie one token off", 1, 1, false, true, of_token_before, nullptr, {}, any},
    {"saturation.clip", "saturation", "Z", "values saturate at this share of the largest", 0.1, 0.8, false, true, clip, nullptr, {}, any},
    {"saturation.frozen", "saturation", "Z", "tokens after the prompt saturate at this share of the prompt's range", 0.2, 0.9, false, true, frozen_range, nullptr, {}, any},
    {"overflow.row", "scale overflow", "Z", "tokens whose range is at least this share of the largest decode to NaN", 0.5, 0.98, false, true, row_overflow, nullptr, {}, any},
    {"overflow.element", "scale overflow", "T", "values of at least this share of the largest decode to infinity", 0.5, 0.98, false, true, element_overflow, nullptr, {}, any},
    {"input.not_finite", "non-finite input", "T", "one element of one arriving token is NaN", 1, 1, false, true, input_not_finite, nullptr, {}, has_window},
};

}  // namespace

std::span<const PlantedFault> scale_faults() { return rows; }

}  // namespace kvdiff
