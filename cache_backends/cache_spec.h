#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvdiff {

enum class Side { key, value };
std::string_view name_of(Side side);

// One side of one layer, decided: `hqq:bits=4,group=64`. Keys that were not given hold the codec's default, as text, so
// that each codec owns its vocabulary (registry.h) and the grammar needs no knowledge of it.
struct SideSpec {
  std::string codec;                          // a row of the registry: full, hqq, int8, ...
  std::map<std::string, std::string> values;  // every key of the codec's table, validated
  bool operator==(const SideSpec&) const = default;
};

// What belongs to the whole lane and may stand on either side of the text.
struct LaneSpec {
  std::string schedule;          // hf, hf-5.15, hf-4.54, streaming, immediate, full
  int64_t residual = 128;        // tokens
  std::string prefill = "full";  // full: prefill attention reads what it was given; quantized: it reads the cache
  bool operator==(const LaneSpec&) const = default;
};

struct LayerSpec {
  SideSpec key, value;
  bool operator==(const LayerSpec&) const = default;
};

struct LayerOverride {
  // Inclusive, sorted, joined; negative ones (one layer each) count from the last layer and stand behind the others.
  std::vector<std::pair<int64_t, int64_t>> ranges;
  LayerSpec layer;
  bool operator==(const LayerOverride&) const = default;
};

// A cache = schedule x codec x layout, as a plain value. Grammar and defaults: README.md of this room.
struct CacheSpec {
  std::string text;  // as the user wrote it
  LaneSpec lane;
  LayerSpec base;
  std::vector<LayerOverride> overrides;  // in order, the last that matches wins
};
// The same cache, whatever the spelling.
bool operator==(const CacheSpec& left, const CacheSpec& right);

// Throws UserError(usage) that names the bad key, the legal values and the nearest match.
CacheSpec parse_cache_spec(std::string_view text);
// The one spelling: defaults left out, keys in a fixed order. parse(canonical(s)) means the same as s.
std::string canonical(const CacheSpec& spec);
// What layer `layer` of `layers` uses. Throws UserError(usage) when an override names a layer that does not exist.
LayerSpec layer_spec(const CacheSpec& spec, int64_t layer, int64_t layers);
// One side alone in its canonical form, without what belongs to the lane: `hqq:bits=2`.
std::string canonical(const SideSpec& side);
bool is_full(const SideSpec& side);  // full precision: nothing is encoded

}  // namespace kvdiff
