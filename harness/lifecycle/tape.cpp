#include "harness/lifecycle/tape.h"

#include <algorithm>

namespace kvdiff {
namespace {

std::vector<float> piece(const Tape& tape, const std::vector<float>& all, int64_t first, int64_t count, bool bent) {
  const int64_t head_size = tape.shape.head_size;
  std::vector<float> out;
  for (int64_t row = 0; row < tape.shape.batch * tape.shape.heads; ++row) {
    const float* start = all.data() + (row * tape.stride + first) * head_size;
    out.insert(out.end(), start, start + count * head_size);
  }
  if (bent) std::reverse(out.begin(), out.end());
  return out;
}

// splitmix64; twelve uniforms are added for about one normal: additions only, so the same on every machine.
double uniform(uint64_t& state) {
  state += 0x9e3779b97f4a7c15u;
  uint64_t mixed = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
  return static_cast<double>((mixed ^ (mixed >> 31)) >> 11) * 0x1p-53;
}

std::vector<float> drawn(const CacheShape& shape, int64_t tokens, uint64_t& state, double outlier) {
  std::vector<float> values(static_cast<size_t>(shape.batch * shape.heads * tokens * shape.head_size));
  for (size_t i = 0; i < values.size(); ++i) {
    double sum = -6.0;
    for (int part = 0; part < 12; ++part) sum += uniform(state);
    const bool stands_out = static_cast<int64_t>(i) % shape.head_size == shape.head_size / 3;
    values[i] = round_to(shape.dtype, static_cast<float>(stands_out ? sum * outlier : sum));
  }
  return values;
}

}  // namespace

void Tape::append_layer(KvCache& cache, int layer, int64_t first, int64_t count, bool bent) const {
  const std::vector<float> keys = piece(*this, key[static_cast<size_t>(layer)], first, count, bent);
  const std::vector<float> values = piece(*this, value[static_cast<size_t>(layer)], first, count, bent);
  cache.append(layer, {keys, values, count});
}

void Tape::append(KvCache& cache, int64_t first, int64_t count, bool bent) const {
  for (int layer = 0; layer < shape.layers; ++layer) append_layer(cache, layer, first, count, bent);
}

void Tape::feed(KvCache& cache, int64_t end) const {
  append(cache, 0, prompt);
  for (int64_t token = prompt; token < end; ++token) append(cache, token, 1);
  cache.settle();
}

void Tape::feed_bent(KvCache& cache, int64_t first, int64_t last) const {
  for (int64_t token = first; token < last; ++token) append(cache, token, 1, true);
  cache.settle();
}

DrawnText drawn_text(const CacheShape& shape, int64_t tokens, uint64_t seed) {
  constexpr double key_outlier = 12;
  DrawnText text;
  for (int64_t layer = 0; layer < shape.layers; ++layer) {
    text.key.push_back(drawn(shape, tokens, seed, key_outlier));
    text.value.push_back(drawn(shape, tokens, seed, 1));
  }
  return text;
}

}  // namespace kvdiff
