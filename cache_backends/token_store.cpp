#include "cache_backends/token_store.h"

namespace kvdiff {

bool GrowingStore::claim(int64_t used, int64_t count) {
  if (used + count > capacity_) return false;
  return claimed_.compare_exchange_strong(used, used + count, std::memory_order_acq_rel);
}

}  // namespace kvdiff
