#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "cache_backends/kv_cache.h"
#include "harness/observer.h"
#include "harness/run/bit_digest.h"

namespace kvdiff {

// One cache and what it is fed. A lane has up to three: a free one is forked from the forced one where its text parts,
// and a local one has no row in the model's batch: it is fed the reference's q, k and v.
struct Stream {
  Stream(LaneId lane_id, Mode fed_as, std::unique_ptr<KvCache> held, int64_t layers)
      : lane(lane_id), mode(fed_as), cache(std::move(held)), digest(layers),
        encodings_seen(static_cast<size_t>(2 * layers)) {}

  LaneId lane;
  Mode mode;
  std::unique_ptr<KvCache> cache;
  StreamDigest digest;
  std::vector<int64_t> encodings_seen;  // [layers, side]: how many have been observed
  int64_t position = 0;                 // tokens that it has been fed
  int32_t next_token = -1;
};

// The fork of a forced stream that goes on with its own token.
std::unique_ptr<Stream> fork_as_free(const Stream& forced, int32_t token);

}  // namespace kvdiff
