#include "harness/diagnose/first_flip.h"

#include <fmt/format.h>

#include <cmath>

#include "harness/diagnose/questions.h"
#include "harness/diagnose/walk.h"

namespace kvdiff {
namespace {

std::string token_text(const TokenChoice& token) { return token.text.empty() ? fmt::format("token {}", token.id) : fmt::format("\"{}\"", token.text); }

std::optional<double> gap_of(const Walk& walk, const Trial& trial) {
  const auto answer = walk.trials.known(trial);
  return answer && answer->flip ? std::optional(answer->flip->gap()) : std::nullopt;
}

std::optional<double> sum_of(const std::vector<FlipShare>& shares, size_t parts, std::optional<double> FlipShare::*which) {
  double sum = 0;
  for (const FlipShare& one : shares) {
    if (!(one.*which)) return std::nullopt;
    sum += *(one.*which);
  }
  return shares.size() == parts ? std::optional(sum) : std::nullopt;
}

void fill_shares(const Walk& walk, FirstFlip& flip) {
  const Parts parts = quantized_parts(walk.subject.spec, walk.subject.layers);
  for (const Part& part : parts) {
    FlipShare share{part, {}, {}};
    if (const auto gap = gap_of(walk, exempt_trial(walk.subject, {part}))) share.exempt = *gap - *flip.candidate_gap;
    if (const auto gap = gap_of(walk, alone_trial(walk.subject, {part}))) share.alone = flip.reference_gap - *gap;
    if (share.exempt || share.alone) flip.shares.push_back(share);
  }
  std::stable_sort(flip.shares.begin(), flip.shares.end(), [](const FlipShare& a, const FlipShare& b) {
    constexpr double last = -1e30;
    return a.exempt.value_or(last) > b.exempt.value_or(last);
  });
  flip.exempt_sum = sum_of(flip.shares, parts.size(), &FlipShare::exempt);
  flip.alone_sum = sum_of(flip.shares, parts.size(), &FlipShare::alone);
}

// Why nothing more can be said; "": it can.
std::string missing(const Walk& walk, const std::optional<TrialAnswer>& whole) {
  if (walk.result.arithmetic.below) return "the cache does no more than rounding does, so no cause was looked for";
  if (!whole) return "the budget was spent before the cache itself was asked";
  if (!whole->flip) return "logits of that step are not finite with this cache";
  if (whole->flip->says_reference) return "in forced mode, on the reference's own text, this cache does not flip there";
  return "";
}

std::string parting(const FirstFlip& flip) {
  const Divergence& at = *flip.at;
  std::string text = fmt::format("At step {} the reference says {} (logit {:.2f}) and this cache {}, which the reference gives {:.2f}.",
                                 at.step, token_text(at.reference), at.reference.logit, token_text(at.candidate), at.reference_for_candidate.logit);
  if (at.near_tie == NearTie::yes)
    text += fmt::format(" A near-tie: the reference leads its second choice by {:.3g}, and rounding alone is off by {:.2g} there: twice that could turn it.", at.reference_margin, *flip.floor);
  else if (at.near_tie == NearTie::no)
    text += fmt::format(" A real flip: the reference leads its second choice by {:.3g}, and rounding alone is off by {:.2g} there: twice that does not turn it.", at.reference_margin, *flip.floor);
  else
    text += fmt::format(" The reference leads its second choice by {:.3g}; whether that is a near-tie is unknown: the arithmetic floor was not measured.", at.reference_margin);
  return text;
}

// The set is one of the window's divergence; the shares are of this step.
std::string behind(const TrialWindow& window, const Divergence& at) {
  if (at.step < window.end()) return "";
  return fmt::format(" The divergence shows from step {}, long before: what is said of layers elsewhere is of steps {} to {}, what follows here is of step {}.",
                     window.first, window.first, window.end() - 1, at.step);
}

// A logit, or a change of one, as a person reads it.
std::string signed_logit(double value) { return value == 0 ? "0" : std::fabs(value) < 0.01 ? fmt::format("{:+.2g}", value) : fmt::format("{:+.3f}", value); }

std::string no_leader(const FirstFlip& flip) {
  return flip.noise() ? fmt::format(" No side, exempt alone, moves the gap back by more than rounding may ({:.3g}).", *flip.noise()) : " No side, exempt alone, moves the gap back.";
}

// The leaders, and how far the sides' shares are from adding up.
std::string shares_text(const FirstFlip& flip) {
  const double change = *flip.change();
  std::string text;
  std::vector<std::string> leaders;
  for (const FlipShare& one : flip.shares)
    if (flip.named(one.exempt) && *one.exempt > 0 && leaders.size() < 3) leaders.push_back(fmt::format("{} {}", text_of(one.part), signed_logit(*one.exempt)));
  if (leaders.empty()) text = no_leader(flip);
  if (!leaders.empty()) {
    text += " Exempt one at a time, these move the gap back most: ";
    for (size_t i = 0; i < leaders.size(); ++i) text += (i ? ", " : "") + leaders[i];
    text += ".";
  }
  if (!flip.exempt_sum) return text;
  const double left = change - *flip.exempt_sum;
  text += fmt::format(" The shares of all sides add up to {}; the whole cache moves it by {}, so {} belongs to no side alone{}.", signed_logit(*flip.exempt_sum),
                      signed_logit(change), signed_logit(left),
                      std::fabs(left) > 0.5 * std::fabs(change) ? ": the sides act together, and a single share is a hint, not a part of a sum" : "");
  return text;
}

std::string healing(const Walk& walk, const FirstFlip& flip) {
  if (!flip.set_gap) return "";
  const Parts& set = walk.accused();
  const std::string name = set.size() <= 3 ? text_of(set, 3) : fmt::format("the {} sides that recover {} of the divergence", set.size(), percent_of(walk.result.place.set.recovery));
  return fmt::format(" With {} exempt the gap is {}: the flip {}.", name, signed_logit(*flip.set_gap),
                     flip.healed ? "heals" : *flip.set_gap > 0 ? "does not heal: a third token is ahead" : "stays");
}

}  // namespace

void explain_flip(Walk& walk, const std::optional<Divergence>& divergence) {
  FirstFlip& flip = walk.result.first_flip;
  flip.at = divergence;
  if (!divergence) {
    flip.reason = "the text never parts";
    return;
  }
  flip.floor = walk.result.arithmetic.at(divergence->step);
  flip.at->near_tie = near_tie(divergence->reference_margin, flip.floor);
  flip.reference_gap = divergence->reference.logit - divergence->reference_for_candidate.logit;
  flip.account = parting(flip) + behind(walk.trials.window(), *divergence);
  const auto whole = walk.trials.known({walk.subject.spec, {}});
  flip.reason = missing(walk, whole);
  if (whole && whole->flip) flip.candidate_gap = whole->flip->gap();
  if (!flip.reason.empty()) {
    flip.account += fmt::format(" Which layer did it is not told: {}.", flip.reason);
    return;
  }
  fill_shares(walk, flip);
  flip.account += fmt::format(" The gap between the two tokens is {} in the reference and {} with this cache.", signed_logit(flip.reference_gap), signed_logit(*flip.candidate_gap));
  if (!flip.exempt_sum || !flip.alone_sum) flip.reason = "the budget was spent before every side was asked";
  flip.account += shares_text(flip);
  if (walk.accused().empty()) return;
  const auto set = walk.trials.known(exempt_trial(walk.subject, walk.accused()));
  if (!set || !set->flip) return;
  flip.set_gap = set->flip->gap();
  flip.healed = set->flip->says_reference;
  flip.account += healing(walk, flip);
}

}  // namespace kvdiff
