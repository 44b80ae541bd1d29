#include "harness/metrics/logit_row.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "cache_backends/device/launch.h"
#include "cache_backends/kernels/token_noise.h"
#include "harness/metrics/portable_math.h"
#include "harness/metrics/softmax.h"

namespace kvdiff {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

bool comes_before(const TokenLogit& a, const TokenLogit& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

bool all_finite(std::span<const float> logits) {
  return std::all_of(logits.begin(), logits.end(), [](float x) { return std::isfinite(x); });
}

std::vector<device::TokenScore> scores_of(device::Device& device, std::span<const float> logits, std::span<const int32_t> tokens,
                                          int64_t rows, double temperature) {
  const device::Array<int32_t> wanted(device, tokens);
  const device::Array<device::TokenScore> scores(device, rows);
  device::launch<device::ScoreTokens>(device, {device::span(logits), device::constant(wanted), device::span(scores),
                                               static_cast<int64_t>(logits.size()) / rows, temperature});
  return scores.read();
}

double nll_of(std::span<const float> logits, int32_t token) {
  if (!all_finite(logits)) return std::numeric_limits<double>::quiet_NaN();
  const SoftmaxRow row = softmax_row(logits);
  return row.log_sum + (static_cast<double>(row.max) - static_cast<double>(logits[static_cast<size_t>(token)]));
}

double nll_of(const device::TokenScore& score) {
  if (score.not_finite > 0) return std::numeric_limits<double>::quiet_NaN();
  return portable_log(score.sum) + (static_cast<double>(score.max) - static_cast<double>(score.logit));
}

}  // namespace

LogitRow::LogitRow(std::span<const float> logits) : logits_(logits), size_(static_cast<int64_t>(logits.size())) {}

LogitRow::LogitRow(std::span<const float> logits, device::Device* device) : LogitRow(logits) {
  device_ = device;
  if (!device || size_ == 0 || score(1).not_finite == 0) return;
  brought_.resize(logits.size());
  device->copy_out(brought_.data(), logits.data(), static_cast<int64_t>(logits.size_bytes()));
  logits_ = brought_;
  device_ = nullptr;
}

device::TokenScore LogitRow::score(double temperature) const { return scores_of(*device_, logits_, {}, 1, temperature).front(); }

float LogitRow::at(int32_t id) const {
  const float* from = logits_.data() + id;
  if (!device_) return *from;
  float value = 0;
  device_->copy_out(&value, from, sizeof value);
  return value;
}

LogSum LogitRow::log_sum() const {
  if (device_) {
    const device::TokenScore found = score(1);
    return {found.max, portable_log(found.sum)};
  }
  std::vector<float> finite;
  std::copy_if(logits_.begin(), logits_.end(), std::back_inserter(finite), [](float x) { return std::isfinite(x); });
  if (finite.empty()) return {};
  const SoftmaxRow row = softmax_row(finite);
  return {row.max, row.log_sum};
}

std::vector<TokenLogit> LogitRow::largest(int64_t count, std::optional<TokenLogit> after) const {
  if (device_) {
    const device::Array<TokenLogit> found(*device_, std::min(count, size_));
    device::launch<device::NextLargest>(*device_, {device::span(logits_), device::span(found), after.value_or(TokenLogit{0, -1})});
    std::vector<TokenLogit> all = found.read();
    std::erase_if(all, [](const TokenLogit& one) { return one.token < 0; });
    return all;
  }
  std::vector<TokenLogit> all;
  for (int32_t id = 0; id < size_; ++id) {
    const TokenLogit one = {logits_[static_cast<size_t>(id)], id};
    if (one.logit == one.logit && (!after || comes_before(*after, one))) all.push_back(one);
  }
  const auto end = all.begin() + std::min(count, static_cast<int64_t>(all.size()));
  std::partial_sort(all.begin(), end, all.end(), comes_before);
  all.erase(end, all.end());
  return all;
}

double LogitRow::weight(double temperature) const {
  if (device_) return score(temperature).sum;
  double largest = -infinite;
  for (const float x : logits_) largest = std::max(largest, x == x ? static_cast<double>(x) : -infinite);
  std::array<double, 8> sums{};
  for (size_t i = 0; i < logits_.size(); ++i)
    if (logits_[i] == logits_[i]) sums[i % 8] += portable_exp((logits_[i] - largest) / temperature);
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

int32_t LogitRow::noisiest(double temperature, uint64_t key) const {
  if (device_) {
    const device::Array<int32_t> found(*device_, 1);
    device::launch<device::NoisiestToken>(*device_, {device::span(logits_), device::span(found), temperature, key});
    return found.read().front();
  }
  double best = -infinite;
  int32_t token = -1;
  for (int32_t id = 0; id < size_; ++id) {
    const double noisy = logits_[static_cast<size_t>(id)] / temperature + gumbel_noise(key, id);
    if (noisy != noisy || (token >= 0 && noisy <= best)) continue;
    best = noisy;
    token = id;
  }
  return std::max(token, 0);
}

std::vector<double> nll_of_rows(std::span<const float> logits, std::span<const int32_t> tokens, device::Device* device,
                                ThreadPool& pool) {
  const auto rows = static_cast<int64_t>(tokens.size());
  std::vector<double> all;
  if (rows == 0) return all;
  if (device) {
    for (const device::TokenScore& score : scores_of(*device, logits, tokens, rows, 1)) all.push_back(nll_of(score));
    return all;
  }
  const size_t vocabulary = logits.size() / tokens.size();
  all.resize(tokens.size());
  pool.run(rows, [&](int64_t index, int) {
    const auto row = static_cast<size_t>(index);
    all[row] = nll_of(logits.subspan(row * vocabulary, vocabulary), tokens[row]);
  });
  return all;
}

}  // namespace kvdiff
