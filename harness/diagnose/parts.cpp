#include "harness/diagnose/parts.h"

#include <fmt/format.h>

#include <algorithm>

#include "cache_backends/error.h"
#include "cache_backends/registry.h"

namespace kvdiff {
namespace {

// A full side with every key at its default.
SideSpec full_side() { return parse_cache_spec("full").base.key; }

bool holds(const Parts& parts, int64_t layer, Side side) {
  return std::find(parts.begin(), parts.end(), Part{static_cast<int>(layer), side, -1}) != parts.end();
}

// The layer that most others are like; the first of several.
const LayerSpec& commonest(const std::vector<LayerSpec>& layers) {
  return *std::max_element(layers.begin(), layers.end(), [&](const LayerSpec& a, const LayerSpec& b) {
    return std::count(layers.begin(), layers.end(), a) < std::count(layers.begin(), layers.end(), b);
  });
}

void add_override(std::vector<LayerOverride>& overrides, int64_t layer, const LayerSpec& spec) {
  const auto same = std::find_if(overrides.begin(), overrides.end(), [&](const LayerOverride& one) { return one.layer == spec; });
  if (same == overrides.end()) {
    overrides.push_back({{{layer, layer}}, spec});
  } else if (same->ranges.back().second == layer - 1) {
    same->ranges.back().second = layer;
  } else {
    same->ranges.emplace_back(layer, layer);
  }
}

bool encodes(const LayerSpec& layer) { return !is_full(layer.key) || !is_full(layer.value); }

}  // namespace

std::string text_of(const Part& part) {
  std::string text = fmt::format("layer {} {}s", part.layer, name_of(part.side));
  if (part.head >= 0) text += fmt::format(" head {}", part.head);
  return text;
}

Parts quantized_parts(const CacheSpec& spec, int64_t layers) {
  Parts parts;
  for (int64_t layer = 0; layer < layers; ++layer) {
    const LayerSpec sides = layer_spec(spec, layer, layers);
    if (!is_full(sides.key)) parts.push_back({static_cast<int>(layer), Side::key, -1});
    if (!is_full(sides.value)) parts.push_back({static_cast<int>(layer), Side::value, -1});
  }
  return parts;
}

Parts heads_of(const Parts& parts, int64_t heads) {
  Parts all;
  for (Part part : parts)
    for (part.head = 0; part.head < heads; ++part.head) all.push_back(part);
  return all;
}

CacheSpec rewritten(const CacheSpec& spec, int64_t layers, const Rewrite& rewrite) {
  std::vector<LayerSpec> wanted;
  for (int64_t layer = 0; layer < layers; ++layer) {
    const LayerSpec now = layer_spec(spec, layer, layers);
    wanted.push_back({rewrite(layer, Side::key, now.key), rewrite(layer, Side::value, now.value)});
  }
  if (std::none_of(wanted.begin(), wanted.end(), encodes)) return parse_cache_spec("full");
  CacheSpec result;
  result.lane = spec.lane;
  result.base = commonest(wanted);
  for (int64_t layer = 0; layer < layers; ++layer)
    if (const LayerSpec& own = wanted[static_cast<size_t>(layer)]; own != result.base) add_override(result.overrides, layer, own);
  return parse_cache_spec(canonical(result));
}

CacheSpec exempting(const CacheSpec& spec, int64_t layers, const Parts& whole_sides) {
  return rewritten(spec, layers, [&](int64_t layer, Side side, const SideSpec& now) {
    return holds(whole_sides, layer, side) ? full_side() : now;
  });
}

CacheSpec quantizing_only(const CacheSpec& spec, int64_t layers, const Parts& whole_sides) {
  return rewritten(spec, layers, [&](int64_t layer, Side side, const SideSpec& now) {
    return holds(whole_sides, layer, side) ? now : full_side();
  });
}

Patch patch_of(PatchKind kind, const Parts& parts, const std::vector<std::vector<int64_t>>& channels) {
  Patch patch{kind, {}};
  for (size_t i = 0; i < parts.size(); ++i) {
    PatchPart part{parts[i].layer, parts[i].side, {}, {}, {}};
    if (parts[i].head >= 0) part.heads = {parts[i].head};
    if (i < channels.size()) part.channels = channels[i];
    patch.parts.push_back(std::move(part));
  }
  return patch;
}

}  // namespace kvdiff
