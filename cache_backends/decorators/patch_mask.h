#pragma once
#include <vector>

#include "cache_backends/decorators/patched_cache.h"

namespace kvdiff {

// Which elements of one side of one layer are patched.
class PatchMask {
 public:
  void add(const PatchPart& part) { parts_.push_back(part); }
  bool empty() const { return parts_.empty(); }
  bool whole() const;
  // Marks the channels of one token and head, and unmarks all others; false: none is.
  bool mark(int64_t head, int64_t token, std::vector<char>& channels) const;

 private:
  std::vector<PatchPart> parts_;
};

// Puts into fresh values [B, H, n, D], whose first token stands at position `start`, what the quantizer is given in place of
// the mask's elements: PatchKind::withhold.
void withhold(const CacheShape& shape, const PatchMask& mask, std::vector<float>& values, int64_t start);

}  // namespace kvdiff
