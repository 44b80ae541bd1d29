#pragma once
#include <string>

#include "cache_backends/cache_spec.h"
#include "cache_backends/kv_cache.h"

namespace kvdiff {

// A spec in plain words, for `kvdiff spec TEXT`: canonical form, per side codec, grouping, bytes and saving against
// FP16, the schedule with its cadence, the layers that differ, and the spec in other tools' words. Lines end with '\n'.
std::string explain(const CacheSpec& spec, const CacheShape& shape);

// What shares a scale, told in the order of memory of [B, H, T, D] (row-major). Empty for a codec that has nothing to say.
std::string grouping_of(const SideSpec& side, const CacheShape& shape);

// Bytes of one token of one layer and side once it is encoded, scales and zeros included; averaged over a history of
// 1,024 tokens where tokens are encoded together. Throws UserError(usage) for a group that does not divide it.
double encoded_bytes_per_token(const SideSpec& spec, Side side, const LaneSpec& lane, const CacheShape& shape);

}  // namespace kvdiff
