#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cache_backends/rotation.h"
#include "harness/audit/evidence.h"

namespace kvdiff {
namespace {

constexpr int64_t farthest = 128;  // offsets that are tried

// Keys turned by so many positions further (pairs c, c + D/2, as the Llama family has them).
template <class Positions>
std::vector<float> turned(const Evidence& evidence, Positions positions) {
  const std::span<const float> frequencies = evidence.input.inverse_frequencies;
  const auto half = static_cast<int64_t>(frequencies.size());
  std::vector<float> out = evidence.sound;
  std::vector<double> cosine(frequencies.size()), sine(frequencies.size());
  int64_t known = 0;
  std::fill(cosine.begin(), cosine.end(), 1.0);
  evidence.each_changed([&](int64_t head, int64_t token) {
    float* row = out.data() + evidence.at(head, token);
    const int64_t by = positions(token);
    for (size_t c = 0; c < frequencies.size() && by != known; ++c) {
      cosine[c] = std::cos(static_cast<double>(by) * static_cast<double>(frequencies[c]));
      sine[c] = std::sin(static_cast<double>(by) * static_cast<double>(frequencies[c]));
    }
    known = by;
    for (int64_t c = 0; c < half; ++c) {
      const double x = row[c], y = row[c + half];
      row[c] = static_cast<float>(x * cosine[static_cast<size_t>(c)] - y * sine[static_cast<size_t>(c)]);
      row[c + half] = static_cast<float>(y * cosine[static_cast<size_t>(c)] + x * sine[static_cast<size_t>(c)]);
    }
  });
  return out;
}

void better(std::optional<Guess>& best, const Evidence& evidence, const std::vector<float>& predicted, std::string text) {
  const double share = explained(evidence, predicted);
  if (share >= worth && (!best || share > best->explained)) best = Guess{cause::position, std::move(text), share};
}

void turns(const Evidence& evidence, std::optional<Guess>& best) {
  better(best, evidence, turned(evidence, [](int64_t token) { return token; }), "keys are turned twice for their position");
  better(best, evidence, turned(evidence, [](int64_t token) { return -token; }), "keys are not turned for their position");
  for (int64_t offset = 1; offset <= farthest; ++offset)
    for (const int64_t by : {offset, -offset})
      better(best, evidence, turned(evidence, [&](int64_t) { return by; }), fmt::format("keys are turned for position p {} {}", by < 0 ? '-' : '+', offset));
  const int64_t prompt = evidence.prompt;
  better(best, evidence, turned(evidence, [&](int64_t token) { return token < prompt ? 0 : -prompt; }), "positions begin anew behind the prompt");
}

}  // namespace

std::optional<Guess> rule_turned(const Evidence& evidence) {
  if (evidence.found_tokens != evidence.tokens) return std::nullopt;
  std::optional<Guess> best;
  for (int64_t block = 2; block <= evidence.size() && evidence.size() % block == 0; block *= 2) {
    std::vector<float> rotated = evidence.sound;
    rotate(rotated, block);
    better(best, evidence, rotated, fmt::format("a Hadamard rotation in blocks of {} channels is not turned back", block));
  }
  if (evidence.side == Side::key && !evidence.input.inverse_frequencies.empty()) turns(evidence, best);
  return best;
}

}  // namespace kvdiff
