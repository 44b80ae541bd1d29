#include "harness/run/sampling.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "cache_backends/device/launch.h"
#include "harness/metrics/portable_math.h"

namespace kvdiff {
namespace {

uint64_t mix(uint64_t z) {  // splitmix64's finalizer
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

double gumbel(uint64_t seed, int64_t step, int32_t token) {
  const uint64_t key = mix(mix(seed + 0x9e3779b97f4a7c15u) + static_cast<uint64_t>(step));
  const uint64_t bits = mix(key ^ mix(static_cast<uint64_t>(token) + 0xd1b54a32d192ed03u));
  const double uniform = (static_cast<double>(bits >> 12) + 0.5) * 0x1p-52;  // never 0, never 1
  return -portable_log(-portable_log(uniform));
}

std::vector<int32_t> by_falling_logit(std::span<const float> logits) {
  std::vector<int32_t> ids;
  for (size_t id = 0; id < logits.size(); ++id)
    if (logits[id] == logits[id]) ids.push_back(static_cast<int32_t>(id));
  std::sort(ids.begin(), ids.end(), [&](int32_t a, int32_t b) {
    const float x = logits[static_cast<size_t>(a)], y = logits[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  });
  return ids;
}

// The fewest tokens whose probabilities reach top_p together; at least one.
size_t nucleus(std::span<const float> logits, std::span<const int32_t> ids, const Sampling& sampling) {
  const double largest = logits[static_cast<size_t>(ids[0])];
  std::vector<double> weights;
  double total = 0;
  for (const int32_t id : ids) {
    weights.push_back(portable_exp((logits[static_cast<size_t>(id)] - largest) / sampling.temperature));
    total += weights.back();
  }
  double sum = 0;
  for (size_t kept = 0; kept < weights.size(); ++kept)
    if ((sum += weights[kept]) >= sampling.top_p * total) return kept + 1;
  return weights.size();
}

}  // namespace

int32_t greedy_token(std::span<const float> logits) {
  size_t best = 0;
  float largest = -std::numeric_limits<float>::infinity();
  for (size_t id = 0; id < logits.size(); ++id)
    if (logits[id] > largest) {
      largest = logits[id];
      best = id;
    }
  return static_cast<int32_t>(best);
}

int32_t choose_token(std::span<const float> logits, const Sampling& sampling, int64_t step) {
  if (sampling.temperature <= 0) return greedy_token(logits);
  std::vector<int32_t> ids = by_falling_logit(logits);
  if (ids.empty()) return 0;
  if (sampling.top_k > 0) ids.resize(std::min(ids.size(), static_cast<size_t>(sampling.top_k)));
  if (sampling.top_p < 1) ids.resize(nucleus(logits, ids, sampling));
  std::pair<double, int32_t> best{-std::numeric_limits<double>::infinity(), ids[0]};
  for (const int32_t id : ids) {
    const double noisy =
        logits[static_cast<size_t>(id)] / sampling.temperature + gumbel(sampling.seed, step, id);
    if (noisy > best.first || (noisy == best.first && id < best.second)) best = {noisy, id};
  }
  return best.second;
}

std::vector<int32_t> choose_tokens(device::Device& device, std::span<const float> logits, int64_t rows, const Sampling& sampling,
                                   int64_t step) {
  const int64_t vocabulary = static_cast<int64_t>(logits.size()) / rows;
  if (sampling.temperature <= 0) {
    const device::Array<int32_t> tokens(device, rows);
    device::launch<device::LargestToken>(device, {device::span(logits), device::span(tokens), vocabulary});
    return tokens.read();
  }
  std::vector<int32_t> tokens;
  std::vector<float> row(static_cast<size_t>(vocabulary));
  for (int64_t i = 0; i < rows; ++i) {
    device.copy_out(row.data(), logits.data() + i * vocabulary, vocabulary * static_cast<int64_t>(sizeof(float)));
    tokens.push_back(choose_token(row, sampling, step));
  }
  return tokens;
}

}  // namespace kvdiff
