#include "harness/diagnose/causes.h"

#include <fmt/format.h>

#include "cache_backends/spec_explain.h"

namespace kvdiff {
namespace {

std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

// Few channels, kept from the quantizer, heal all others: they stretched the others' scale.
std::string outlier_channels(const CauseFacts& facts) {
  constexpr int64_t few = 8;  // one channel in so many
  for (const ChannelScore& score : facts.diagnosis.place.channel_scores) {
    if (!score.withheld || *score.withheld < facts.target || score.count * few > facts.shape.head_size) continue;
    return fmt::format("keeping the {} most deviating of {} channels of each accused head from the quantizer recovers {}{}", score.count,
                       facts.shape.head_size, percent(*score.withheld),
                       score.exempt ? fmt::format("; reading them exactly, with the scales that they stretched, {}", percent(*score.exempt)) : "");
  }
  return "";
}

// What shares a scale in the accused sides, keys and values told apart where they differ.
std::string shared_scales(const CacheSpec& spec, const CauseFacts& facts) {
  std::string told[2];
  for (const Part& part : facts.diagnosis.place.set.parts) {
    const LayerSpec sides = layer_spec(spec, part.layer, facts.shape.layers);
    std::string& one = told[part.side == Side::value];
    if (one.empty()) one = grouping_of(part.side == Side::key ? sides.key : sides.value, facts.shape);
  }
  if (told[0] == told[1] || told[1].empty()) return told[0];
  return told[0].empty() ? told[1] : fmt::format("(keys) {}; (values) {}", told[0], told[1]);
}

// The same bits, other elements under one scale, recover most of the divergence and most of what more bits would. Where
// that is less, it is the bits that are missing.
std::string group_layout(const CauseFacts& facts) {
  constexpr double most = 0.6, most_of_more_bits = 0.75;
  const double needed = std::max(most, most_of_more_bits * facts.accused_at_8_bits.value_or(0));
  const RemedyResult* best = nullptr;
  for (const RemedyResult& one : facts.diagnosis.remedies)
    if (one.regrouped && one.recovery && *one.recovery >= needed && (!best || *one.recovery > *best->recovery)) best = &one;
  if (!best) return "";
  std::string evidence = fmt::format("with no more bits, {} ({}) recovers {}", best->name, best->spec.text, percent(*best->recovery));
  if (facts.accused_at_8_bits) evidence += fmt::format("; the accused sides at 8 bits, in the same layout, {}", percent(*facts.accused_at_8_bits));
  const std::string now = shared_scales(facts.spec, facts), then = shared_scales(best->spec, facts);
  if (now != then) evidence += fmt::format(". Now a scale is shared by {}. There, by {}", now, then);
  return evidence;
}

// The same codec, tokens and bits, and each history encoded from what was given instead of from what the encoding before
// made of it: what that heals, encoding again had broken.
std::string re_quantization(const CauseFacts& facts) {
  const FlushTimeline& timeline = facts.diagnosis.flushes;
  if (!timeline.cost.recovery || *timeline.cost.recovery < facts.target) return "";
  std::string evidence = fmt::format("with the same codec, bits and flushes, but each history encoded from the values as they were given instead of from "
                                     "decoded codes, {} of the divergence is gone", percent(*timeline.cost.recovery));
  const FlushRecord* worst = nullptr;
  const FlushSide* side = nullptr;
  for (const FlushRecord& flush : timeline.lanes.front().flushes)
    for (const FlushSide& one : flush.sides)
      if (flush.read_from < facts.diagnosis.window_first + facts.diagnosis.window_steps && (!side || one.chained_over_one_shot() > side->chained_over_one_shot())) {
        worst = &flush;
        side = &one;
      }
  if (!side) return evidence;
  return evidence + fmt::format(". By step {} its {}s have been encoded up to {} times, and their error is {:.1f} times that of one encoding", worst->step,
                                name_of(side->side), side->most_times, side->chained_over_one_shot());
}

// The same codec, and a few tokens more in full precision: the first, which attention leans on, or the newest. Where that
// leaves no codes, or few, it is no evidence: any cache is healed by not being used.
std::string residual_window(const CauseFacts& facts) {
  constexpr double mostly_codes = 0.5;
  for (const TokenRangeScore& one : facts.diagnosis.token_ranges)
    if (const double recovery = std::max(one.exempt.value_or(-1), one.withheld.value_or(-1)); one.name == "sinks" && recovery >= facts.target)
      return fmt::format("with the same codec, keeping the first {} tokens in full precision recovers {} of the divergence", one.last + 1, percent(recovery));
  for (const RemedyResult& one : facts.diagnosis.remedies)
    if (one.longer_window && one.recovery && *one.recovery >= facts.target && one.coded_share >= mostly_codes)
      return fmt::format("with the same codec, {} ({}) recovers {}, and {} of the tokens held when the window ends are codes", one.name, one.spec.text,
                         percent(*one.recovery), percent(one.coded_share));
  return "";
}

// The same layout, more levels, where no other layout does as much with no more bits.
std::string precision(const CauseFacts& facts) {
  if (!facts.accused_at_8_bits || *facts.accused_at_8_bits < facts.target) return "";
  std::string evidence = fmt::format("the accused sides at 8 bits, in the same layout, recover {}", percent(*facts.accused_at_8_bits));
  for (const RemedyResult& one : facts.diagnosis.remedies) {
    if (!one.same_bits || !one.recovery) continue;
    if (*one.recovery >= SetRule{}.target) return "";
    evidence += fmt::format("; with no more bits, {} recovers {}", one.name, percent(*one.recovery));
  }
  return evidence;
}

struct Row {
  std::string_view name;
  std::string (*evidence)(const CauseFacts& facts);  // empty: it is not this
};
// The narrower first: more bits heal outliers, repeated encoding and a bad layout, too.
constexpr Row rows[] = {{"outlier channels", outlier_channels}, {"re-quantization", re_quantization}, {"residual window", residual_window},
                        {"group layout", group_layout}, {"precision", precision}};

}  // namespace

CauseFinding find_cause(const CauseFacts& facts) {
  CauseFinding found{"", ""};
  std::string others;
  for (const Row& row : rows) {
    std::string evidence = row.evidence(facts);
    if (evidence.empty()) continue;
    if (found.name.empty()) found = {std::string(row.name), std::move(evidence)};
    else others += fmt::format("{}{}", others.empty() ? "" : ", ", row.name);
  }
  if (found.name.empty()) return {"unknown", "none of the causes that are tested here fits; the remedies say what heals"};
  if (!others.empty()) found.evidence += fmt::format(". Less narrow, and healed by what was tried, too: {}", others);
  return found;
}

}  // namespace kvdiff
