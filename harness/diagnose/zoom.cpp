#include "harness/diagnose/walk.h"

namespace kvdiff {
namespace {

constexpr int64_t most_heads = 40;

// The first `count` channels of each head.
std::vector<std::vector<int64_t>> first_channels(const std::vector<std::vector<int64_t>>& order, int64_t count) {
  std::vector<std::vector<int64_t>> channels;
  for (const auto& one : order) channels.emplace_back(one.begin(), one.begin() + static_cast<std::ptrdiff_t>(count));
  return channels;
}

// The heads without which the set would miss its target; all of them where that was not decided.
Parts ask_heads(Walk& walk, double target) {
  Parts heads = heads_of(walk.accused(), walk.material.shape.heads);
  if (walk.result.place.set.diffuse || walk.material.shape.heads == 1 || static_cast<int64_t>(heads.size()) > most_heads) return heads;
  const Parts ranking = ranked_heads(walk.trials, walk.subject, heads);
  const MinimalSet found = find_minimal_set(
      ranking, [&](const std::vector<Parts>& sets) { return recoveries(walk.trials, walk.subject, sets); }, {target, 1});
  if (!found.complete || ranking.size() < heads.size()) walk.result.left_to_try.push_back("heads of the accused sides");
  walk.result.place.heads = found;
  return found.minimal ? found.parts : heads;
}

using Order = std::vector<std::vector<int64_t>>;  // by head: its channels, most deviating first

void ask_channels(Walk& walk, const Parts& heads, const Order& order) {
  std::vector<Trial> asked;
  std::vector<ChannelScore>& scores = walk.result.place.channel_scores;
  for (int64_t count = 1; count * 4 <= walk.material.shape.head_size; count *= 2) {
    for (const PatchKind kind : {PatchKind::exempt, PatchKind::withhold})
      asked.push_back({walk.subject.spec, patch_of(kind, heads, first_channels(order, count))});
    scores.push_back({count, {}, {}});
  }
  const auto answers = walk.trials.ask(asked);
  for (size_t i = 0; i < answers.size(); ++i)
    if (answers[i]) (i % 2 == 0 ? scores[i / 2].exempt : scores[i / 2].withheld) = 1 - answers[i]->kld / walk.subject.kld;
  if (!answers.empty() && !answers.back()) walk.result.left_to_try.push_back("channels of the accused heads");
}

// Many channels are no place: those of a quarter of the head are asked, and an eighth is named at most.
void name_channels(Walk& walk, const Parts& heads, const Order& order, double target) {
  for (const ChannelScore& score : walk.result.place.channel_scores) {
    if (score.count * 8 > walk.material.shape.head_size) return;
    if (std::max(score.withheld.value_or(-1), score.exempt.value_or(-1)) < target) continue;
    const auto channels = first_channels(order, score.count);
    for (size_t i = 0; i < heads.size(); ++i) walk.result.place.channels.push_back({heads[i], channels[i]});
    return;
  }
}

}  // namespace

// Of what the set recovers, the heads and the channels are asked for the same share as the set of the whole.
void zoom(Walk& walk) {
  const double target = SetRule{}.target * walk.result.place.set.recovery;
  const Parts heads = ask_heads(walk, target);
  Order order;
  for (const Part& head : heads) order.push_back(deviating_channels(walk.material, head));
  ask_channels(walk, heads, order);
  name_channels(walk, heads, order, target);
}

}  // namespace kvdiff
