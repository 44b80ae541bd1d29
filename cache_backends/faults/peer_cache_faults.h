#pragma once
#include <memory>
#include <span>
#include <string_view>

#include "cache_backends/kv_cache.h"

namespace kvdiff {

// What transformers' caches do, or did, when they are handled, done to a cache of ours: so that a check of handling can be
// seen to catch it, and can name it. Where the peer raises, the operation throws UserError(invalid) with its message.
struct PeerCacheFault {
  std::string_view name, versions, what;  // versions: of transformers
  std::unique_ptr<KvCache> (*plant)(std::unique_ptr<KvCache> cache);  // takes what make_cache gave
};
std::span<const PeerCacheFault> peer_cache_faults();
const PeerCacheFault& find_peer_cache_fault(std::string_view name);  // throws UserError(usage) with the nearest name

}  // namespace kvdiff
