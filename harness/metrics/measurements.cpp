#include "harness/metrics/measurements.h"

#include <fmt/format.h>

#include "cache_backends/error.h"

namespace kvdiff {

std::string_view name_of(NearTie near_tie) {
  switch (near_tie) {
    case NearTie::no: return "no";
    case NearTie::yes: return "yes";
    case NearTie::unknown: return "unknown";
  }
  throw InternalError("a near-tie that has no name");
}

std::string describe(const NotFinite& found) {
  std::string place = fmt::format("lane {}, {}, step {}", found.lane, name_of(found.mode), found.place.step);
  if (found.place.layer >= 0) place += fmt::format(", layer {}", found.place.layer);
  place += fmt::format(", {}", name_of(found.stage));
  if (found.stage != Stage::hidden && found.stage != Stage::logits) place += fmt::format(", head {}", found.place.head);
  std::string_view side = found.in_candidate ? "candidate" : "reference";
  if (found.in_reference && found.in_candidate) side = "reference and in the candidate";
  return fmt::format("{}, index {}: {} in the {}", place, found.place.index, found.value, side);
}

}  // namespace kvdiff
