#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cache_backends/decorators/patched_cache.h"
#include "cache_backends/kv_cache.h"

namespace kvdiff {

// What a set of causes is made of: one side of one layer, or one KV head of it.
struct Part {
  int layer = 0;
  Side side = Side::key;
  int64_t head = -1;  // -1: all
  auto operator<=>(const Part&) const = default;
};
using Parts = std::vector<Part>;

std::string text_of(const Part& part);  // "layer 3 keys", "layer 3 keys head 2"

// The sides that the spec quantizes, by layer, keys first.
Parts quantized_parts(const CacheSpec& spec, int64_t layers);
// Each KV head of each part.
Parts heads_of(const Parts& parts, int64_t heads);

// The spec with every side rewritten: whole sides are exempted, or changed, without a patch. `rewrite` is given what the
// side is now. The result is parsed from its canonical form, so its text says it.
using Rewrite = std::function<SideSpec(int64_t layer, Side side, const SideSpec& now)>;
CacheSpec rewritten(const CacheSpec& spec, int64_t layers, const Rewrite& rewrite);

CacheSpec exempting(const CacheSpec& spec, int64_t layers, const Parts& whole_sides);
CacheSpec quantizing_only(const CacheSpec& spec, int64_t layers, const Parts& whole_sides);

// Exempts, or withholds, any parts. `channels`: of each part, in its order; no entries: all.
Patch patch_of(PatchKind kind, const Parts& parts, const std::vector<std::vector<int64_t>>& channels = {});

}  // namespace kvdiff
