#pragma once
#include <span>
#include <string_view>

namespace kvdiff {

// What can be wrong with a cache, as a diagnosis names it. The first seven come from trials, because a cache that does what
// its spec says can have them; all others are found by comparing a cache with its spec.
namespace cause {
inline constexpr std::string_view precision = "precision", outlier_channels = "outlier channels", group_layout = "group layout",
    residual_window = "residual window", requantization = "re-quantization", not_the_cache = "not the cache", unknown = "unknown",
    scale_or_zero = "scale or zero", scale_overflow = "scale overflow", other_scale = "scale of another place", saturation = "saturation",
    rounding = "rounding mode", position = "position or rotation", state = "stale, shared or unreset state",
    sides_swapped = "K and V swapped", wrong_place = "wrong layer or head", length = "off-by-one length",
    codes_as_numbers = "missing dequantize", not_finite = "non-finite input", not_active = "quantization not active",
    padding = "padding", memory_layout = "memory layout", peer = "the peer itself";
}  // namespace cause

inline constexpr std::string_view cause_names[] = {
    cause::precision,     cause::outlier_channels, cause::group_layout,     cause::residual_window, cause::requantization,
    cause::not_the_cache, cause::unknown,          cause::scale_or_zero,    cause::scale_overflow,  cause::other_scale,
    cause::saturation,    cause::rounding,         cause::position,         cause::state,           cause::sides_swapped,
    cause::wrong_place,   cause::length,           cause::codes_as_numbers, cause::not_finite,      cause::not_active,
    cause::padding,       cause::memory_layout,    cause::peer};

}  // namespace kvdiff
