#pragma once
#include <cstdint>
#include <memory>

#include "cache_backends/kv_cache.h"

namespace kvdiff {

// One decoded element whose lowest mantissa bit is wrong in every page given out from the `append`-th append of its
// layer on (0 is the prefill).
struct BitFault {
  int layer = 0;
  Side side = Side::key;
  int64_t sequence = 0, head = 0, token = 0, channel = 0;
  int64_t append = 0;
};

// The same cache, with the fault in what attention reads; what is held stays sound.
std::unique_ptr<KvCache> make_bit_fault(std::unique_ptr<KvCache> cache, const BitFault& fault);

}  // namespace kvdiff
