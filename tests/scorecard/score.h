#pragma once
#include <string>
#include <vector>

#include "tests/scorecard/ground.h"

namespace kvdiff::scorecard {

struct Scored {
  Planted planted;
  Outcome outcome;
};

// invisible: no bit that attention would read differs; below: what it does to the logits stays below the arithmetic floor.
// Neither can be caught, and both are listed.
enum class Verdict { caught, missed, invisible, below, clean, false_alarm, failed };
Verdict verdict_of(const Scored& one);
bool placed(const Scored& one);      // layer, side, and the step within one flush
bool classified(const Scored& one);

struct Card {
  std::string text;
  bool holds = false;  // >= 95 % caught, >= 90 % of these placed, >= 85 % of these classified, no false alarm, none failed
};
Card card_of(const std::vector<Scored>& all);
std::string line_of(const Scored& one);  // one case, tab-separated

}  // namespace kvdiff::scorecard
