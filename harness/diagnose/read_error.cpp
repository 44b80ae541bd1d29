#include "harness/diagnose/read_error.h"

#include <algorithm>
#include <cmath>

namespace kvdiff {
namespace {

struct Plane {
  const Material& material;
  const float *given, *held;
  int64_t size() const { return material.shape.head_size; }
  size_t at(int64_t head, int64_t token) const { return static_cast<size_t>((head * material.tokens + token) * size()); }
};

std::optional<double> relative(const ErrorSums& sums) {
  const double value = sums.relative();
  return std::isfinite(value) && sums.not_finite == 0 ? std::optional(value) : std::nullopt;
}

// Tokens [first, last) of all heads.
TokenError token_error(const Plane& plane, int64_t first, int64_t last, RowWorkspace& workspace) {
  TokenError result{std::max<int64_t>(0, last - first), 0, 0, 0};
  ErrorSums sums;
  const auto count = static_cast<size_t>(result.tokens * plane.size());
  for (int64_t head = 0; head < plane.material.shape.heads; ++head)
    sums.add(error_of({plane.given + plane.at(head, first), count}, {plane.held + plane.at(head, first), count}, workspace));
  result.given_squared = sums.given_squared;
  result.difference_squared = sums.difference_squared;
  result.not_finite = sums.not_finite;
  return result;
}

ErrorSums channel_sums(const Plane& plane, int64_t head, int64_t channel) {
  ErrorSums sums;
  for (int64_t token = 0; token < plane.material.tokens; ++token) {
    const double given = plane.given[plane.at(head, token) + static_cast<size_t>(channel)];
    const double held = plane.held[plane.at(head, token) + static_cast<size_t>(channel)];
    if (!std::isfinite(given) || !std::isfinite(held)) {
      ++sums.not_finite;
      continue;
    }
    sums.given_squared += given * given;
    sums.difference_squared += (given - held) * (given - held);
  }
  return sums;
}

std::vector<ChannelError> worst_channels(const Plane& plane, double all_squared) {
  std::vector<ChannelError> channels;
  for (int64_t head = 0; head < plane.material.shape.heads && all_squared > 0; ++head)
    for (int64_t channel = 0; channel < plane.size(); ++channel) {
      const ErrorSums sums = channel_sums(plane, head, channel);
      channels.push_back({head, channel, sums.difference_squared / all_squared, relative(sums)});
    }
  std::stable_sort(channels.begin(), channels.end(), [](const ChannelError& a, const ChannelError& b) { return a.share > b.share; });
  channels.resize(std::min(channels.size(), ReadError::most_channels));
  return channels;
}

}  // namespace

void TokenError::add(const TokenError& other) {
  tokens = std::max(tokens, other.tokens);
  given_squared += other.given_squared;
  difference_squared += other.difference_squared;
  not_finite += other.not_finite;
}

std::optional<double> TokenError::error() const {
  if (tokens == 0) return std::nullopt;
  return relative({given_squared, difference_squared, 0, not_finite});
}

ReadError read_error(const Material& material, int layer, Side side, const ReplayedSide& replayed) {
  const Plane plane{material, material.of(layer, side).data(), replayed.held.data()};
  RowWorkspace workspace;
  ReadError result;
  result.side = side;
  ErrorSums all;
  const auto row = static_cast<size_t>(material.tokens * plane.size());
  for (int64_t head = 0; head < material.shape.heads; ++head) {
    const ErrorSums sums = error_of({plane.given + plane.at(head, 0), row}, {plane.held + plane.at(head, 0), row}, workspace);
    result.by_head.push_back(relative(sums));
    all.add(sums);
  }
  result.error = relative(all);
  result.worst_channels = worst_channels(plane, all.difference_squared);
  const int64_t codes = replayed.encoded, sinks = std::min(ReadError::sink_tokens, std::min(material.prompt, codes));
  const int64_t prompt = std::min(material.prompt, codes);
  result.sinks = token_error(plane, 0, sinks, workspace);
  result.prompt = token_error(plane, sinks, prompt, workspace);
  result.generated = token_error(plane, prompt, codes, workspace);
  result.residual = token_error(plane, codes, material.tokens, workspace);
  return result;
}

}  // namespace kvdiff
