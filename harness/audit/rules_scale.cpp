#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "harness/audit/evidence.h"

namespace kvdiff {
namespace {

float magnitude(const std::vector<float>& values, size_t first, int64_t size) {
  float largest = 0;
  for (size_t c = first; c < first + static_cast<size_t>(size); ++c) largest = std::max(largest, std::fabs(values[c]));
  return largest;
}

bool comparable(const Evidence& evidence) { return evidence.found_tokens == evidence.tokens; }

// Each changed row times a ratio of its own.
template <class Ratio>
std::vector<float> scaled(const Evidence& evidence, Ratio ratio) {
  std::vector<float> out = evidence.sound;
  evidence.each_changed([&](int64_t head, int64_t token) {
    const double by = ratio(head, token);
    for (int64_t c = 0; c < evidence.size(); ++c) {
      float& x = out[evidence.at(head, token) + static_cast<size_t>(c)];
      x = static_cast<float>(x * by);
    }
  });
  return out;
}

struct Products {
  double found_sound = 0, sound_sound = 0;
};
Products products(const Evidence& evidence, int64_t head, int64_t token) {
  Products sums;
  for (int64_t c = 0; c < evidence.size(); ++c) {
    const size_t i = evidence.at(head, token) + static_cast<size_t>(c);
    sums.found_sound += static_cast<double>(evidence.found[i]) * evidence.sound[i];
    sums.sound_sound += static_cast<double>(evidence.sound[i]) * evidence.sound[i];
  }
  return sums;
}

std::string where_changed(const Evidence& evidence) {
  int64_t last = -1, rows = evidence.changed_rows();
  evidence.each_changed([&](int64_t, int64_t token) { last = std::max(last, token); });
  const auto all = static_cast<int64_t>(evidence.heads.size()) * evidence.tokens;
  if (rows == all) return "every value";
  return last < evidence.prompt ? "every value of the prompt" : fmt::format("every value of {} of {} tokens", rows, all);
}

// The scales that a mistaken reader might have taken: magnitudes of the same token elsewhere.
struct OtherScale {
  std::string text;
  const std::vector<float>* values = nullptr;
  int64_t heads_further = 0, tokens_further = 0;
};
std::vector<OtherScale> other_scales(const Evidence& evidence) {
  std::vector<OtherScale> all;
  const bool key = evidence.side == Side::key;
  const auto own = static_cast<size_t>(evidence.layer);
  all.push_back({fmt::format("of this layer's {}s", key ? "value" : "key"), key ? &evidence.value[own] : &evidence.key[own], 0, 0});
  for (size_t layer = 0; layer < evidence.key.size(); ++layer)
    if (layer != own) all.push_back({fmt::format("of layer {}", layer), key ? &evidence.key[layer] : &evidence.value[layer], 0, 0});
  for (int64_t by = 1; by < evidence.shape.heads; ++by) all.push_back({fmt::format("of head h + {}", by), &evidence.sound, by, 0});
  for (const int64_t by : {-1, 1}) all.push_back({fmt::format("of the token {}", by < 0 ? "before" : "behind"), &evidence.sound, 0, by});
  return all;
}

std::vector<float> with_scale(const Evidence& evidence, const OtherScale& other) {
  return scaled(evidence, [&](int64_t head, int64_t token) {
    const double own = magnitude(evidence.sound, evidence.at(head, token), evidence.size());
    const int64_t place = std::clamp<int64_t>(token + other.tokens_further, 0, evidence.tokens - 1);
    return own > 0 ? magnitude(*other.values, evidence.at((head + other.heads_further) % evidence.shape.heads, place), evidence.size()) / own : 1.0;
  });
}

double correlation(const Evidence& evidence, int64_t head, int64_t token) {
  const auto size = static_cast<double>(evidence.size());
  double x = 0, y = 0, xx = 0, yy = 0, xy = 0;
  for (int64_t c = 0; c < evidence.size(); ++c) {
    const size_t i = evidence.at(head, token) + static_cast<size_t>(c);
    const double a = evidence.sound[i], b = evidence.found[i];
    x += a, y += b, xx += a * a, yy += b * b, xy += a * b;
  }
  const double spread = (xx - x * x / size) * (yy - y * y / size);
  return spread > 0 ? (xy - x * y / size) / std::sqrt(spread) : 0;
}

}  // namespace

// Small whole numbers that rise with the values.
std::optional<Guess> rule_codes(const Evidence& evidence) {
  if (!comparable(evidence)) return std::nullopt;
  int64_t rows = 0, rising = 0;
  float low = 0, high = 0;
  bool whole = true;
  evidence.each_changed([&](int64_t head, int64_t token) {
    for (int64_t c = 0; c < evidence.size(); ++c) {
      const float x = evidence.found[evidence.at(head, token) + static_cast<size_t>(c)];
      whole = whole && x == std::nearbyint(x) && std::fabs(x) <= 255;
      low = std::min(low, x), high = std::max(high, x);
    }
    ++rows;
    rising += correlation(evidence, head, token) > 0.7;
  });
  if (!whole || high - low < 2 || rising * 10 < rows * 8) return std::nullopt;
  return Guess{cause::codes_as_numbers, fmt::format("all values are whole numbers from {:.0f} to {:.0f}, in the order of the right ones", low, high), 1};
}

std::optional<Guess> rule_factor(const Evidence& evidence) {
  if (!comparable(evidence)) return std::nullopt;
  Products sums;
  evidence.each_changed([&](int64_t head, int64_t token) {
    const Products row = products(evidence, head, token);
    sums.found_sound += row.found_sound, sums.sound_sound += row.sound_sound;
  });
  const double slope = sums.sound_sound > 0 ? sums.found_sound / sums.sound_sound : 1;
  return Guess{cause::scale_or_zero, fmt::format("{} is {:.6g} times what it should be", where_changed(evidence), slope),
               explained(evidence, scaled(evidence, [&](int64_t, int64_t) { return slope; }))};
}

std::optional<Guess> rule_scale_elsewhere(const Evidence& evidence) {
  if (!comparable(evidence)) return std::nullopt;
  std::optional<Guess> best;
  for (const OtherScale& other : other_scales(evidence)) {
    const double share = explained(evidence, with_scale(evidence, other));
    if (share >= worth && (!best || share > best->explained)) best = Guess{cause::other_scale, "values are stretched to the scale " + other.text, share};
  }
  return best;
}

std::optional<Guess> rule_factors(const Evidence& evidence) {
  if (!comparable(evidence)) return std::nullopt;
  const auto own = scaled(evidence, [&](int64_t head, int64_t token) {
    const Products row = products(evidence, head, token);
    return row.sound_sound > 0 ? row.found_sound / row.sound_sound : 1.0;
  });
  return Guess{cause::scale_or_zero, "each token of a head is stretched by a factor of its own", explained(evidence, own)};
}

std::optional<Guess> rule_offset(const Evidence& evidence) {
  if (!comparable(evidence)) return std::nullopt;
  std::vector<float> out = evidence.sound;
  double least = 0, most = 0;
  evidence.each_changed([&](int64_t head, int64_t token) {
    double shift = 0;
    for (int64_t c = 0; c < evidence.size(); ++c) {
      const size_t i = evidence.at(head, token) + static_cast<size_t>(c);
      shift += (static_cast<double>(evidence.found[i]) - evidence.sound[i]) / static_cast<double>(evidence.size());
    }
    least = std::min(least, shift), most = std::max(most, shift);
    for (int64_t c = 0; c < evidence.size(); ++c) out[evidence.at(head, token) + static_cast<size_t>(c)] += static_cast<float>(shift);
  });
  return Guess{cause::scale_or_zero, fmt::format("the values of a token are all off by the same, {:.3g} to {:.3g}: its zero is not applied, or wrong", least, most),
               explained(evidence, out)};
}

// What differs is smaller than it should be, of the same sign, and as large as nothing else of its head gets.
std::optional<Guess> rule_saturated(const Evidence& evidence) {
  if (!comparable(evidence)) return std::nullopt;
  std::vector<float> out = evidence.sound;
  int64_t changed = 0, smaller = 0;
  float limit = 0;
  for (const int64_t head : evidence.heads) {
    float high = 0;
    for (int64_t token = 0; token < evidence.tokens; ++token)
      for (size_t i = evidence.at(head, token); i < evidence.at(head, token) + static_cast<size_t>(evidence.size()); ++i) {
        if (evidence.found[i] == evidence.sound[i]) continue;
        ++changed;
        smaller += std::fabs(evidence.found[i]) < std::fabs(evidence.sound[i]) && std::signbit(evidence.found[i]) == std::signbit(evidence.sound[i]);
        high = std::max(high, std::fabs(evidence.found[i]));
      }
    limit = std::max(limit, high);
    for (int64_t token = 0; token < evidence.tokens && high > 0; ++token)
      for (size_t i = evidence.at(head, token); i < evidence.at(head, token) + static_cast<size_t>(evidence.size()); ++i)
        if (evidence.found[i] != evidence.sound[i]) out[i] = std::clamp(out[i], -high, high);
  }
  if (smaller < changed) return std::nullopt;
  return Guess{cause::saturation, fmt::format("{} values end at ±{:.4g}", changed, limit), explained(evidence, out)};
}

}  // namespace kvdiff
