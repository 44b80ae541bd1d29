#include "harness/diagnose/causes.h"

#include <fmt/format.h>

namespace kvdiff {
namespace {

std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

// Few channels, kept from the quantizer, heal all others: they stretched the others' scale.
std::string outlier_channels(const CauseFacts& facts) {
  constexpr int64_t few = 8;  // one channel in so many
  for (const ChannelScore& score : facts.diagnosis.place.channel_scores) {
    if (!score.withheld || *score.withheld < facts.target || score.count * few > facts.head_size) continue;
    return fmt::format("keeping the {} most deviating of {} channels of each accused head from the quantizer recovers {}{}", score.count,
                       facts.head_size, percent(*score.withheld),
                       score.exempt ? fmt::format("; reading them exactly, with the scales that they stretched, {}", percent(*score.exempt)) : "");
  }
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
// The narrower first: more bits heal outliers, too.
constexpr Row rows[] = {{"outlier channels", outlier_channels}, {"precision", precision}};

}  // namespace

CauseFinding find_cause(const CauseFacts& facts) {
  for (const Row& row : rows)
    if (std::string evidence = row.evidence(facts); !evidence.empty()) return {std::string(row.name), std::move(evidence)};
  return {"unknown", "none of the causes that are tested here fits; the remedies say what heals"};
}

}  // namespace kvdiff
