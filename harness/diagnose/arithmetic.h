#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/diagnose/parts.h"

namespace kvdiff {

struct Loaded;
struct RunPlace;
struct TrialAnswer;
struct TrialWindow;
struct Walk;

// What arithmetic alone does to the logits: the reference against float64, by an independent reading of the model. In
// logits, rounded to three digits: the last ones of float64 may depend on the number of threads. What stays below it is
// no finding. (The other floor, the control, must be 0: a control that differs makes the diagnosis invalid.)
struct ArithmeticFinding {
  bool measured = false;
  std::string reason;            // why not
  int64_t first = 0;             // the step that by_step begins with: the window's
  std::vector<double> by_step;   // largest |logit - float64 logit| of the step
  std::optional<double> behind;  // the same of the one step behind the window that was asked for, too
  int64_t behind_step = -1;
  double floor = 0;              // mean of by_step
  std::optional<double> candidate;  // the same mean of the candidate against the reference; none: not finite
  bool control_exact = false;    // the other floor: the control was bit-equal in every batch of trials
  bool below = false;            // the candidate's is not above the floor: nothing to explain
  Parts parts_below;             // sides that do no more than that, quantized alone and exempt alone; never named
  bool names(const Part& part) const { return std::find(parts_below.begin(), parts_below.end(), part) == parts_below.end(); }
  std::optional<double> at(int64_t step) const {
    if (step == behind_step) return behind;
    const int64_t index = step - first;
    if (index < 0 || index >= static_cast<int64_t>(by_step.size())) return std::nullopt;
    return by_step[static_cast<size_t>(index)];
  }
};

// `text`: the reference's tokens up to the last step that is asked for. `too`: that step as well, where it lies behind the
// window; it does not count for the floor. Costs one pass in float64, and nothing of the trial budget.
ArithmeticFinding measure_arithmetic(Loaded& loaded, const RunPlace& place, std::span<const int32_t> text, const TrialWindow& window,
                                     std::optional<int64_t> too = std::nullopt);

void judge_candidate(const TrialAnswer& whole, ArithmeticFinding& found);

// Fills parts_below from the scan's trials.
void judge_parts(Walk& walk);

// "rounding alone moves the logits of a step by up to 0.044 ..., this cache by 4.43"; why not, where it was not measured.
std::string text_of(const ArithmeticFinding& found);

}  // namespace kvdiff
