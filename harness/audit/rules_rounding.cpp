#include <fmt/format.h>

#include <bit>
#include <cmath>

#include "cache_backends/dtype.h"
#include "harness/audit/evidence.h"

namespace kvdiff {
namespace {

std::vector<float> cut(const Evidence& evidence, uint32_t mask) {
  std::vector<float> out = evidence.sound;
  for (float& x : out) x = std::bit_cast<float>(std::bit_cast<uint32_t>(x) & mask);
  return out;
}

std::vector<float> rounded(const Evidence& evidence, Dtype dtype) {
  std::vector<float> out = evidence.sound;
  for (float& x : out) x = round_to(dtype, x);
  return out;
}

void better(std::optional<Guess>& best, const Evidence& evidence, const std::vector<float>& predicted, std::string text) {
  const double share = explained(evidence, predicted);
  if (share >= worth && (!best || share > best->explained)) best = Guess{cause::rounding, std::move(text), share};
}

struct Bias {
  int64_t elements = 0, floor = 0, to_zero = 0;  // that a rounding of this kind explains
};

// A code rounded down differs exactly where rounding to the nearest went up.
Bias bias_of(const Evidence& evidence) {
  Bias bias;
  evidence.each_changed([&](int64_t head, int64_t token) {
    if (!evidence.encoded(head, token)) return;
    for (size_t i = evidence.at(head, token); i < evidence.at(head, token) + static_cast<size_t>(evidence.size()); ++i) {
      const float given = evidence.given[i], sound = evidence.sound[i], found = evidence.found[i];
      const bool lower = found < sound, changed = found != sound;
      ++bias.elements;
      bias.floor += changed ? lower && sound > given : sound <= given;
      bias.to_zero += changed ? std::fabs(found) < std::fabs(sound) && std::fabs(sound) > std::fabs(given) : std::fabs(sound) <= std::fabs(given);
    }
  });
  return bias;
}

}  // namespace

std::optional<Guess> rule_rounded(const Evidence& evidence) {
  if (evidence.found_tokens != evidence.tokens) return std::nullopt;
  std::optional<Guess> best;
  better(best, evidence, cut(evidence, 0xffff0000u), "decoded values are cut to bfloat16");
  better(best, evidence, rounded(evidence, Dtype::bfloat16), "decoded values are rounded to bfloat16");
  better(best, evidence, rounded(evidence, Dtype::float16), "decoded values are rounded to float16");
  if (best) return best;
  const Bias bias = bias_of(evidence);
  const int64_t most = std::max(bias.floor, bias.to_zero);
  if (bias.elements == 0 || most * 100 < bias.elements * 97) return std::nullopt;
  return Guess{cause::rounding,
               fmt::format("codes are rounded {}: {:.1f} % of the values differ just where rounding to the nearest went the other way",
                           bias.floor >= bias.to_zero ? "down" : "towards zero", 100.0 * static_cast<double>(most) / static_cast<double>(bias.elements)),
               static_cast<double>(most) / static_cast<double>(bias.elements)};
}

}  // namespace kvdiff
