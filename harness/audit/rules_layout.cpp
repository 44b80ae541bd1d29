#include <fmt/format.h>

#include <algorithm>

#include "harness/audit/evidence.h"

namespace kvdiff {
namespace {

template <class From>  // element of (head, token, channel)
std::vector<float> rearranged(const Evidence& evidence, From from) {
  std::vector<float> out = evidence.sound;
  for (int64_t head = 0; head < evidence.shape.heads; ++head)
    for (int64_t token = 0; token < evidence.tokens; ++token)
      for (int64_t c = 0; c < evidence.size(); ++c)
        out[evidence.at(head, token) + static_cast<size_t>(c)] = evidence.sound[from(head, token, c)];
  return out;
}

bool told(std::optional<Guess>& guess, const Evidence& evidence, const std::vector<float>& predicted, std::string text) {
  const double share = explained(evidence, predicted);
  if (share >= worth && (!guess || share > guess->explained)) guess = Guess{cause::memory_layout, std::move(text), share};
  return guess && guess->explained >= 1;
}

bool within_tokens(const Evidence& evidence, std::optional<Guess>& guess) {
  const int64_t size = evidence.size();
  const auto channels = [&](auto from) {
    return rearranged(evidence, [&](int64_t head, int64_t token, int64_t c) { return evidence.at(head, token) + static_cast<size_t>(from(c)); });
  };
  if (told(guess, evidence, channels([](int64_t c) { return c ^ 1; }), "neighbouring channels have changed places, as swapped nibbles do")) return true;
  if (told(guess, evidence, channels([&](int64_t c) { return size - 1 - c; }), "channels stand in the reverse order")) return true;
  for (int64_t by = 1; by < size; ++by)
    if (told(guess, evidence, channels([&](int64_t c) { return (c + by) % size; }), fmt::format("channel c reads channel c + {}", by))) return true;
  return false;
}

bool between_tokens(const Evidence& evidence, std::optional<Guess>& guess) {
  const int64_t heads = evidence.shape.heads, tokens = evidence.tokens;
  if (told(guess, evidence, rearranged(evidence, [&](int64_t head, int64_t token, int64_t c) {
             const int64_t flat = head * tokens + token;
             return evidence.at(flat % heads, flat / heads) + static_cast<size_t>(c);
           }), "[tokens, heads] is read where [heads, tokens] is held")) return true;
  for (int64_t block = 1; block <= 128; block *= 2)
    if (told(guess, evidence, rearranged(evidence, [&](int64_t head, int64_t token, int64_t c) {
               const int64_t other = token ^ block;
               return evidence.at(head, other < tokens ? other : token) + static_cast<size_t>(c);
             }), fmt::format("blocks of {} tokens have changed places in pairs", block))) return true;
  return false;
}

// The same values in other places, whatever the order.
bool same_values(const Evidence& evidence) {
  std::vector<float> found, sound;
  evidence.each_changed([&](int64_t head, int64_t token) {
    const auto first = static_cast<std::ptrdiff_t>(evidence.at(head, token));
    found.insert(found.end(), evidence.found.begin() + first, evidence.found.begin() + first + evidence.size());
    sound.insert(sound.end(), evidence.sound.begin() + first, evidence.sound.begin() + first + evidence.size());
  });
  std::sort(found.begin(), found.end());
  std::sort(sound.begin(), sound.end());
  return !found.empty() && found == sound;
}

}  // namespace

std::optional<Guess> rule_permuted(const Evidence& evidence) {
  if (evidence.found_tokens != evidence.tokens) return std::nullopt;
  std::optional<Guess> guess;
  if (within_tokens(evidence, guess) || between_tokens(evidence, guess) || guess) return guess;
  if (same_values(evidence)) return Guess{cause::memory_layout, "the same values stand in other places", 1};
  return std::nullopt;
}

// Every token is the first one, stretched and moved to its own range.
std::optional<Guess> rule_one_group(const Evidence& evidence) {
  if (evidence.found_tokens != evidence.tokens || evidence.changed_rows() < 4) return std::nullopt;
  const LayerSpec layer = layer_spec(evidence.input.spec, evidence.layer, evidence.shape.layers);
  const SideSpec& spec = evidence.side == Side::key ? layer.key : layer.value;
  if (spec.codec != "hqq" || spec.values.at("axis") != "1") return std::nullopt;  // nobody else packs so
  const int64_t size = evidence.size();
  std::vector<float> out = evidence.found;
  const float* model = evidence.sound.data();
  double mean = 0, square = 0;
  for (int64_t c = 0; c < size; ++c) mean += model[c] / static_cast<double>(size);
  for (int64_t c = 0; c < size; ++c) square += (model[c] - mean) * (model[c] - mean);
  evidence.each_changed([&](int64_t head, int64_t token) {
    float* row = out.data() + evidence.at(head, token);
    double own = 0, product = 0;
    for (int64_t c = 0; c < size; ++c) own += row[c] / static_cast<double>(size);
    for (int64_t c = 0; c < size; ++c) product += (row[c] - own) * (model[c] - mean);
    for (int64_t c = 0; c < size; ++c) row[c] = static_cast<float>(own + (square > 0 ? product / square : 0) * (model[c] - mean));
  });
  const double share = explained(evidence, out);
  if (share < 0.99) return std::nullopt;
  return Guess{cause::peer, "every token holds the codes of the first: hqq's 3 bits along axis 1 do this without an error", share};
}

}  // namespace kvdiff
