#include "harness/run/sampling.h"

#include <limits>
#include <vector>

#include "cache_backends/device/launch.h"
#include "cache_backends/kernels/token_noise.h"
#include "harness/metrics/logit_row.h"
#include "harness/metrics/portable_math.h"

namespace kvdiff {
namespace {

// How many of the tokens, which fall, reach `share` of the weight together; all of them where they do not. At least one.
size_t nucleus(const std::vector<TokenLogit>& tokens, double temperature, double share) {
  double sum = 0;
  for (size_t kept = 0; kept < tokens.size(); ++kept)
    if ((sum += portable_exp((static_cast<double>(tokens[kept].logit) - tokens[0].logit) / temperature)) >= share) return kept + 1;
  return tokens.size();
}

std::vector<TokenLogit> top_k(const LogitRow& row, const Sampling& sampling) {
  std::vector<TokenLogit> tokens = row.largest(sampling.top_k);
  if (sampling.top_p >= 1) return tokens;
  double total = 0;
  for (const TokenLogit& one : tokens)
    total += portable_exp((static_cast<double>(one.logit) - tokens[0].logit) / sampling.temperature);
  tokens.resize(nucleus(tokens, sampling.temperature, sampling.top_p * total));
  return tokens;
}

// The largest are asked for in growing numbers: a nucleus is nearly always small.
std::vector<TokenLogit> top_p(const LogitRow& row, const Sampling& sampling) {
  const double share = sampling.top_p * row.weight(sampling.temperature);
  std::vector<TokenLogit> tokens;
  for (int64_t count = 64;; count *= 2) {
    const std::vector<TokenLogit> more = row.largest(count, tokens.empty() ? std::nullopt : std::optional(tokens.back()));
    tokens.insert(tokens.end(), more.begin(), more.end());
    const size_t kept = nucleus(tokens, sampling.temperature, share);
    if (kept == tokens.size() && static_cast<int64_t>(more.size()) == count) continue;
    tokens.resize(kept);
    return tokens;
  }
}

int32_t noisiest(const std::vector<TokenLogit>& tokens, double temperature, uint64_t key) {
  std::pair<double, int32_t> best{-std::numeric_limits<double>::infinity(), tokens.empty() ? 0 : tokens[0].token};
  for (const TokenLogit& one : tokens) {
    const double noisy = one.logit / temperature + gumbel_noise(key, one.token);
    if (noisy > best.first || (noisy == best.first && one.token < best.second)) best = {noisy, one.token};
  }
  return best.second;
}

int32_t greedy_token(device::Device& device, std::span<const float> logits) {
  const device::Array<int32_t> token(device, 1);
  device::launch<device::LargestToken>(device, {device::span(logits), device::span(token), static_cast<int64_t>(logits.size())});
  return token.read().front();
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

int32_t choose_token(std::span<const float> logits, const Sampling& sampling, int64_t step, device::Device* device) {
  if (sampling.temperature <= 0) return device ? greedy_token(*device, logits) : greedy_token(logits);
  const LogitRow row(logits, device);
  const uint64_t key = noise_key(sampling.seed, step);
  if (sampling.top_k > 0) return noisiest(top_k(row, sampling), sampling.temperature, key);
  if (sampling.top_p < 1) return noisiest(top_p(row, sampling), sampling.temperature, key);
  return row.noisiest(sampling.temperature, key);
}

}  // namespace kvdiff
