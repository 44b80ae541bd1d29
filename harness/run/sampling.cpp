#include "harness/run/sampling.h"

#include <algorithm>
#include <functional>
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

constexpr int64_t first_asked = 64;  // of a nucleus

// tokens: the top_k largest, falling.
std::vector<TokenLogit> top_k(std::vector<TokenLogit> tokens, const Sampling& sampling) {
  if (sampling.top_p >= 1) return tokens;
  double total = 0;
  for (const TokenLogit& one : tokens)
    total += portable_exp((static_cast<double>(one.logit) - tokens[0].logit) / sampling.temperature);
  tokens.resize(nucleus(tokens, sampling.temperature, sampling.top_p * total));
  return tokens;
}

// tokens: the first_asked largest. The largest are asked for in growing numbers: a nucleus is nearly always small.
using MoreTokens = std::function<std::vector<TokenLogit>(int64_t count, const TokenLogit& after)>;
std::vector<TokenLogit> top_p(std::vector<TokenLogit> tokens, double weight, const MoreTokens& more, const Sampling& sampling) {
  const double share = sampling.top_p * weight;
  bool all = static_cast<int64_t>(tokens.size()) < first_asked;
  for (int64_t count = 2 * first_asked;; count *= 2) {
    const size_t kept = nucleus(tokens, sampling.temperature, share);
    if (all || kept < tokens.size()) {
      tokens.resize(kept);
      return tokens;
    }
    const std::vector<TokenLogit> next = more(count, tokens.back());
    tokens.insert(tokens.end(), next.begin(), next.end());
    all = static_cast<int64_t>(next.size()) < count;
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

int32_t drawn(const LogitRow& row, const Sampling& sampling, int64_t step) {
  const uint64_t key = noise_key(sampling.seed, step);
  const auto more = [&](int64_t count, const TokenLogit& after) { return row.largest(count, after); };
  if (sampling.top_k > 0) return noisiest(top_k(row.largest(sampling.top_k), sampling), sampling.temperature, key);
  if (sampling.top_p < 1)
    return noisiest(top_p(row.largest(first_asked), row.weight(sampling.temperature), more, sampling), sampling.temperature, key);
  return row.noisiest(sampling.temperature, key);
}

bool filters(const Sampling& sampling) { return sampling.top_k > 0 || sampling.top_p < 1; }

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
  return sampling.temperature <= 0 ? greedy_token(logits) : drawn(LogitRow(logits), sampling, step);
}

size_t TokenChoices::add(std::span<const float> logits) {
  const auto known = std::find_if(rows_.begin(), rows_.end(), [&](const auto& row) { return row.data() == logits.data(); });
  if (known == rows_.end()) return rows_.push_back(logits), rows_.size() - 1;
  return static_cast<size_t>(known - rows_.begin());
}

void TokenChoices::start(ThreadPool& pool) {
  if (rows_.empty()) return;
  if (device_) return start_on_device();
  here_.resize(rows_.size());
  pool.run(static_cast<int64_t>(rows_.size()), [&](int64_t row, int) {
    here_[static_cast<size_t>(row)] = choose_token(rows_[static_cast<size_t>(row)], sampling_, step_);
  });
}

size_t TokenChoices::asked_of(size_t columns) const {
  return std::min(static_cast<size_t>(sampling_.top_k > 0 ? sampling_.top_k : first_asked), columns);
}

void TokenChoices::start_on_device() {
  const bool greedy = sampling_.temperature <= 0, listed = !greedy && filters(sampling_);
  const size_t count = rows_.size(), asked = asked_of(rows_[0].size());
  const auto sized = [&](bool wanted, size_t size) { return static_cast<int64_t>(wanted ? size : 0); };
  const device::Array<int32_t> tokens(*device_, sized(!listed, count));
  const device::Array<device::TokenScore> scores(*device_, sized(!greedy, count));
  const device::Array<TokenLogit> largest(*device_, sized(listed, count * asked));
  for (size_t i = 0; i < count; ++i) {
    const device::Span<const float> row = device::span(rows_[i]);
    const auto one = [&](auto& all) { return device::span(all.span().subspan(i, 1)); };
    if (greedy) {
      device::launch<device::LargestToken>(*device_, {row, one(tokens), row.size()});
      continue;
    }
    device::launch<device::ScoreTokens>(*device_, {row, {}, one(scores), row.size(), sampling_.temperature});
    if (listed) device::launch<device::NextLargest>(*device_, {row, device::span(largest.span().subspan(i * asked, asked)), {0, -1}});
    else device::launch<device::NoisiestToken>(*device_, {row, one(tokens), sampling_.temperature, noise_key(sampling_.seed, step_)});
  }
  tokens_ = tokens.start_read();
  scores_ = scores.start_read();
  largest_ = largest.start_read();
}

int32_t TokenChoices::token(size_t row) const {
  if (!device_) return here_[row];
  return sampling_.temperature <= 0 ? tokens_.wait()[row] : drawn_on_device(row);
}

// A row that is not finite is brought over whole; so is what a nucleus needs beyond the first tokens, but in parts.
int32_t TokenChoices::drawn_on_device(size_t row) const {
  const std::span<const TokenLogit> listed = largest_.wait();  // the last one that was started first: it is the only wait
  const device::TokenScore& score = scores_.wait()[row];
  if (score.not_finite > 0) return drawn(LogitRow(rows_[row], device_), sampling_, step_);
  if (!filters(sampling_)) return tokens_.wait()[row];
  const size_t asked = asked_of(rows_[row].size());
  const std::span<const TokenLogit> own = listed.subspan(row * asked, asked);
  const std::vector<TokenLogit> tokens(own.begin(), own.end());
  const auto more = [&](int64_t count, const TokenLogit& after) { return LogitRow(rows_[row], device_).largest(count, after); };
  const std::vector<TokenLogit> kept = sampling_.top_k > 0 ? top_k(tokens, sampling_) : top_p(tokens, score.sum, more, sampling_);
  return noisiest(kept, sampling_.temperature, noise_key(sampling_.seed, step_));
}

}  // namespace kvdiff
