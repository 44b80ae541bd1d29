#pragma once
#include <optional>
#include <string>
#include <vector>

#include "harness/audit/audit.h"
#include "harness/audit/causes.h"

namespace kvdiff {

// One side of one layer at one update: what was read, and everything that a rule may compare it with. Rows of D channels,
// [H, tokens, D]; all of it decoded and rotated back.
struct Evidence {
  const AuditInput& input;
  CacheShape shape;
  int layer = 0;
  Side side = Side::key;
  std::vector<int64_t> heads;             // accused
  int64_t update = 0, tokens = 0, found_tokens = 0, prompt = 0, told_length = 0;
  std::vector<float> found, sound, given;
  std::vector<std::vector<float>> key, value;  // the sound cache's views of all layers
  std::vector<char> changed;              // [H, tokens]: rows of the accused heads that differ

  int64_t size() const { return shape.head_size; }
  size_t at(int64_t head, int64_t token) const { return static_cast<size_t>((head * tokens + token) * size()); }
  bool differs(int64_t head, int64_t token) const { return changed[static_cast<size_t>(head * tokens + token)] != 0; }
  template <class Use>
  void each_changed(Use use) const {
    for (const int64_t head : heads)
      for (int64_t token = 0; token < tokens; ++token)
        if (differs(head, token)) use(head, token);
  }
  int64_t changed_rows() const;
  bool encoded(int64_t head, int64_t token) const;  // does the sound cache read codes there?
};

// A cause that would have made the difference, and how much of it.
struct Guess {
  std::string_view cause;
  std::string text;       // what was found, with its figures
  double explained = 0;   // 1 - (what is left) / (difference), in squares, over the changed rows; 1: to the last bit
};

// The difference that is left when `predicted`, [H, tokens, D], is what the fault should have given.
double explained(const Evidence& evidence, const std::vector<float>& predicted);
// A guess worth to be told; none below that.
inline constexpr double worth = 0.8;

// One row per rule: rules.cpp. They are asked in order; of equals the first is taken.
using Rule = std::optional<Guess> (*)(const Evidence& evidence);
std::span<const Rule> audit_rules();

std::optional<Guess> rule_length(const Evidence&);      // rules_length.cpp: tokens missing, too many, padding, told length
std::optional<Guess> rule_not_finite(const Evidence&);  // rules_not_finite.cpp
std::optional<Guess> rule_lost_rows(const Evidence&);
std::optional<Guess> rule_elsewhere(const Evidence&);   // rules_place.cpp: another side, layer, head, token
std::optional<Guess> rule_other_spec(const Evidence&);  // rules_spec.cpp: what another spec would give
std::optional<Guess> rule_not_encoded(const Evidence&);
std::optional<Guess> rule_permuted(const Evidence&);    // rules_layout.cpp
std::optional<Guess> rule_one_group(const Evidence&);
std::optional<Guess> rule_turned(const Evidence&);      // rules_position.cpp
std::optional<Guess> rule_codes(const Evidence&);       // rules_scale.cpp
std::optional<Guess> rule_factor(const Evidence&);
std::optional<Guess> rule_scale_elsewhere(const Evidence&);
std::optional<Guess> rule_factors(const Evidence&);
std::optional<Guess> rule_offset(const Evidence&);
std::optional<Guess> rule_saturated(const Evidence&);
std::optional<Guess> rule_rounded(const Evidence&);     // rules_rounding.cpp

Guess best_guess(const Evidence& evidence);  // "unknown" where none is worth it

}  // namespace kvdiff
