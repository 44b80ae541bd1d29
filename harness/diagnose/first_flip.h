#pragma once
#include <optional>
#include <string>
#include <vector>

#include "harness/diagnose/parts.h"
#include "harness/metrics/divergence.h"

namespace kvdiff {

struct Walk;

// What one side does to the gap, in logits; above 0: it pushes towards the candidate's token.
struct FlipShare {
  Part part;
  std::optional<double> exempt;  // gap with this side exempt, less the candidate's gap
  std::optional<double> alone;   // the reference's gap, less the gap with this side alone quantized
};

// The step at which the text parts. Gap: the logit of the reference's token less that of the candidate's token, seen with
// one lane's logits. The reference's is above 0 there, the candidate's is not.
struct FirstFlip {
  std::string reason;                   // why there is no account, or no whole one; empty: it is whole
  std::optional<Divergence> at;         // tokens, top 5, margins, near-tie
  std::optional<double> floor;          // the arithmetic floor of that step, logits; none: not measured
  double reference_gap = 0;
  std::optional<double> candidate_gap;  // none: see the reason
  std::vector<FlipShare> shares;        // those asked, largest `exempt` first
  std::optional<double> exempt_sum, alone_sum;  // over all sides; none: not all were asked
  std::optional<double> set_gap;        // with the named set exempt
  bool healed = false;                  // and then the reference's token has the largest logit again
  std::string account;                  // all of it in plain words; empty where the text never parts

  // Rounding alone may move a gap, a difference of two logits, by so much: a smaller share is nobody's.
  std::optional<double> noise() const { return floor ? std::optional(2 * *floor) : std::nullopt; }
  bool named(const std::optional<double>& share) const { return share && (*share > noise().value_or(0) || -*share > noise().value_or(0)); }
  std::optional<double> change() const {  // what the whole cache did to the gap
    return candidate_gap ? std::optional(reference_gap - *candidate_gap) : std::nullopt;
  }
};

// Fills result.first_flip from the trials that were answered already: it asks none.
void explain_flip(Walk& walk, const std::optional<Divergence>& divergence);

}  // namespace kvdiff
