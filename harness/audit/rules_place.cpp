#include <fmt/format.h>

#include "harness/audit/evidence.h"

namespace kvdiff {
namespace {

void better(std::optional<Guess>& best, const Evidence& evidence, std::string_view name, const std::vector<float>& predicted, std::string text) {
  const double share = explained(evidence, predicted);
  if (share >= worth && (!best || share > best->explained)) best = Guess{name, std::move(text), share};
}

// Row (head, token) is row (from(head, token)) of the same side.
template <class From>
std::vector<float> moved(const Evidence& evidence, const std::vector<float>& source, From from) {
  std::vector<float> out = source;
  for (int64_t head = 0; head < evidence.shape.heads; ++head)
    for (int64_t token = 0; token < evidence.tokens; ++token) {
      const auto [other, place] = from(head, token);
      if (place < 0 || place >= evidence.tokens) continue;
      std::copy_n(source.data() + evidence.at(other, place), evidence.size(), out.data() + evidence.at(head, token));
    }
  return out;
}

void other_layers(const Evidence& evidence, std::optional<Guess>& best) {
  const bool key = evidence.side == Side::key;
  for (size_t layer = 0; layer < evidence.key.size(); ++layer) {
    const bool own = static_cast<int>(layer) == evidence.layer;
    if (own) better(best, evidence, cause::sides_swapped, (key ? evidence.value : evidence.key)[layer],
                    fmt::format("the {}s are read in their place", key ? "value" : "key"));
    else better(best, evidence, cause::wrong_place, (key ? evidence.key : evidence.value)[layer], fmt::format("layer {} is read", layer));
  }
}

void other_heads(const Evidence& evidence, std::optional<Guess>& best) {
  for (int64_t by = 1; by < evidence.shape.heads; ++by)
    better(best, evidence, cause::wrong_place,
           moved(evidence, evidence.sound, [&](int64_t head, int64_t token) { return std::pair((head + by) % evidence.shape.heads, token); }),
           fmt::format("KV head h reads head h + {}", by));
}

// One row alone that repeats the one before was not written; where all do, places are counted wrongly.
void other_tokens(const Evidence& evidence, std::optional<Guess>& best) {
  for (const int64_t by : {-1, 1, -2, 2}) {
    const auto predicted = moved(evidence, evidence.sound, [&](int64_t head, int64_t token) { return std::pair(head, token + by); });
    const bool newest = evidence.changed_rows() <= static_cast<int64_t>(evidence.heads.size());
    better(best, evidence, newest ? cause::state : cause::length, predicted,
           newest ? "the newest token's place still holds the token before" : fmt::format("token t reads token t {} {}", by < 0 ? '-' : '+', std::abs(by)));
  }
}

}  // namespace

std::optional<Guess> rule_elsewhere(const Evidence& evidence) {
  if (evidence.found_tokens != evidence.tokens) return std::nullopt;
  std::optional<Guess> best;
  other_layers(evidence, best);
  other_heads(evidence, best);
  other_tokens(evidence, best);
  return best;
}

}  // namespace kvdiff
