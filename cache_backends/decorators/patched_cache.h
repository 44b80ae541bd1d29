#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cache_backends/kv_cache.h"

namespace kvdiff {

// Elements of one side of one layer: those in all of the lists; an empty list stands for everything.
struct PatchPart {
  int layer = 0;
  Side side = Side::key;
  std::vector<int64_t> heads, channels;                 // KV heads; channels of each
  std::vector<std::pair<int64_t, int64_t>> tokens;      // inclusive ranges of positions
  bool operator==(const PatchPart&) const = default;
  bool whole() const { return heads.empty() && channels.empty() && tokens.empty(); }
};

// exempt: attention reads the lane's own full-precision values of these elements; the rest is as it was.
// restore: attention reads the reference's values of them, from Patch::source. That takes away the error that arrived from
// other layers, too, and not only this side's own.
// withhold: the same, and the quantizer is not given them either: in their place it finds the mean of what is left of that
// token and head (of the token, where the whole head is withheld; 0 where all of it is), so they stretch nobody's scale.
enum class PatchKind { exempt, withhold, restore };

// What the reference wrote for a text that is known beforehand: by layer [H, tokens, D], full precision, one sequence.
// Nothing is owned: what the spans see must outlive every cache that was patched with it.
struct PatchSource {
  CacheShape shape;
  int64_t tokens = 0;
  std::vector<std::span<const float>> key, value;
};

struct Patch {
  PatchKind kind = PatchKind::exempt;
  std::vector<PatchPart> parts;
  std::shared_ptr<const PatchSource> source = nullptr;  // restore alone
  bool operator==(const Patch&) const = default;
};

// "exempt 3.key", "withhold 0.key h2 c12,44": equal texts are equal patches (where they restore, of the same source).
std::string text_of(const Patch& patch);

// The same cache but for the patch. Bytes, receipt and visible encodings are the quantized cache's own: the copy in full
// precision belongs to the experiment. Throws UserError(usage) for a layer, head or channel that the cache does not have.
std::unique_ptr<KvCache> make_patched_cache(std::unique_ptr<KvCache> cache, const Patch& patch);

}  // namespace kvdiff
