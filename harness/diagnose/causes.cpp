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
// The narrower first: more bits heal outliers and a bad layout, too.
constexpr Row rows[] = {{"outlier channels", outlier_channels}, {"group layout", group_layout}, {"precision", precision}};

}  // namespace

CauseFinding find_cause(const CauseFacts& facts) {
  for (const Row& row : rows)
    if (std::string evidence = row.evidence(facts); !evidence.empty()) return {std::string(row.name), std::move(evidence)};
  return {"unknown", "none of the causes that are tested here fits; the remedies say what heals"};
}

}  // namespace kvdiff
