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
  const Compute& compute;
  std::vector<AttentionMap> maps;  // by worker

  Engine(Model& of, ThreadPool& with)
      : model(of), pool(with), compute(of.compute()), maps(static_cast<size_t>(with.threads())) {}
};

// The model's head over hidden states: [rows, hidden] -> [rows, vocabulary].
Values logits_of(Engine& engine, std::span<const float> hidden, int64_t rows);

// What a pass gives of K and V, [n, H, D], appended to a cache, which takes [H, n, D].
void append_rows(const Compute& compute, KvCache& cache, int layer, const LayerRows& rows);

// Feeds `tokens` to the stream in pieces of `piece` (0: all at once) and returns the last one's logits.
// The bits do not depend on the piece where attention reads full precision.
Values prefill_values(Engine& engine, Stream& stream, std::span<const int32_t> tokens, int64_t piece);
std::vector<float> prefill(Engine& engine, Stream& stream, std::span<const int32_t> tokens, int64_t piece);  // on the host

// Gives `to` the K and V that `from` holds, `piece` tokens an append (0: all at once), and the digests so far. Only
// where prefill attention does not read the quantized cache, and `from` keeps full precision.
void copy_prefill(const Engine& engine, const Stream& from, Stream& to, int64_t piece);

}  // namespace kvdiff
