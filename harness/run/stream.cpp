#include "harness/run/stream.h"

namespace kvdiff {

std::unique_ptr<Stream> fork_as_free(const Stream& forced, int32_t token) {
  const auto layers = static_cast<int64_t>(forced.digest.key.size());
  auto free = std::make_unique<Stream>(forced.lane, Mode::free, forced.cache->fork(), layers);
  free->digest = forced.digest;
  free->encodings_seen = forced.encodings_seen;
  free->position = forced.position;
  free->next_token = token;
  return free;
}

}  // namespace kvdiff
