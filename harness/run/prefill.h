#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "harness/model/model.h"
#include "harness/run/stream.h"

namespace kvdiff {

// What the passes of a run share.
struct Engine {
  Model& model;
  ThreadPool& pool;
  std::vector<AttentionScratch> scratch;  // by worker
  std::vector<AttentionMaps> maps;

  Engine(Model& of, ThreadPool& with)
      : model(of), pool(with), scratch(static_cast<size_t>(with.threads())), maps(scratch.size()) {}
};

// What a pass gives, [n, H, D], as a cache takes it: [H, n, D].
std::vector<float> by_head(std::span<const float> rows, const CacheShape& shape, int64_t tokens);

// Feeds `tokens` to the stream in pieces of `piece` (0: all at once) and returns the last one's logits.
// The bits do not depend on the piece where attention reads full precision.
std::vector<float> prefill(Engine& engine, Stream& stream, std::span<const int32_t> tokens, int64_t piece);

// Gives `to` the K and V that `from` holds, `piece` tokens an append (0: all at once), and the digests so far. Only
// where prefill attention does not read the quantized cache, and `from` keeps full precision.
void copy_prefill(const Stream& from, Stream& to, const CacheShape& shape, int64_t piece);

}  // namespace kvdiff
