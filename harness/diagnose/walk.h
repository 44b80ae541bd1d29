#pragma once
#include <algorithm>
#include <string>

#include "harness/diagnose/material.h"
#include "harness/diagnose/scan.h"

namespace kvdiff {

// What the steps of a diagnosis share. Each step asks trials and writes its findings into the diagnosis: one file each.
struct Walk {
  Trials& trials;
  const Subject subject;
  const Material& material;
  Diagnosis& result;
  bool partial = false;  // the budget ended before there was an answer

  // Without it there is no answer; a zoom that did not end leaves one that could be sharper.
  void leave(std::string what) {
    result.left_to_try.push_back(std::move(what));
    partial = true;
  }
  // Of the candidate's KLD: what is gone, and what is there. None: not asked.
  std::optional<double> recovered(const std::optional<TrialAnswer>& answer) const {
    return answer ? std::optional(1 - answer->kld / subject.kld) : std::nullopt;
  }
  std::optional<double> makes(const std::optional<TrialAnswer>& answer) const {
    return answer ? std::optional(answer->kld / subject.kld) : std::nullopt;
  }
  const Parts& accused() const { return result.place.set.parts; }
  bool accuses(int64_t layer, Side side) const {
    return std::find(accused().begin(), accused().end(), Part{static_cast<int>(layer), side, -1}) != accused().end();
  }
};

// Two parts, neither of which recovers half alone.
bool hurt_as_a_pair(const MinimalSet& set, const std::vector<PartScore>& scan);

void find_place(Walk& walk);  // the scan, and the smallest set that recovers
void zoom(Walk& walk);        // the set's heads, and their channels
void ask_requantization(Walk& walk);  // what encoding a history again costs
void ask_token_ranges(Walk& walk);    // sinks, prompt, generated tokens
void find_cure(Walk& walk);   // remedies, tried; the cheapest that holds

}  // namespace kvdiff
