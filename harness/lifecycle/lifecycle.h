#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cache_backends/cache_spec.h"
#include "cache_backends/faults/peer_cache_faults.h"
#include "harness/lifecycle/record.h"

namespace kvdiff {

// Is a cache handled soundly, whatever is done to it? On drawn K and V alone, so without a model.
struct LifecycleCase {
  int64_t batch = 1, prompt = 1;
  bool operator==(const LifecycleCase&) const = default;
};
struct LifecycleRow {
  std::string operation;
  int64_t cases = 0;                     // in which it applied
  std::optional<Difference> difference;  // the first; none: the same bits in all of them
  LifecycleCase where;                   // of the difference
  bool operator==(const LifecycleRow&) const = default;
};
struct LifecycleReport {
  std::string cache;                     // canonical
  int64_t cases = 0, tokens = 0;         // tokens: single ones behind each prompt
  int64_t flushes = 0;                   // fewest of a case, behind its prompt; 0: no flush was handled
  std::vector<LifecycleRow> rows;        // in the order of the table of operations
  std::vector<std::string> refused;      // cases that the codec cannot do, and why
  std::vector<std::string> fails_as;     // faults of the peer that give exactly these rows; empty where it is sound
  bool sound() const;
};

struct LifecycleOptions {
  std::optional<int64_t> tokens;          // none: the spec's window and a few more
  const PeerCacheFault* fault = nullptr;  // planted in every cache
};
inline constexpr int64_t most_lifecycle_tokens = 1024;

// Throws UserError(usage) when the codec can do none of the cases.
LifecycleReport check_lifecycle(const CacheSpec& spec, const LifecycleOptions& options);

// One spec for each row of the registry, with a window short enough to flush soon where there is one.
std::vector<std::string> every_codec();

std::string lifecycle_table(const LifecycleReport& report);

}  // namespace kvdiff
