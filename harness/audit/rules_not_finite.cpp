#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "harness/audit/evidence.h"

namespace kvdiff {
namespace {

struct NotFinite {
  int64_t elements = 0, rows = 0;
  double smallest = std::numeric_limits<double>::infinity();  // magnitude that should stand in one of them
  double largest_finite = 0;                                  // of the rest
  int64_t encoded = 0;                                        // elements among codes
  int64_t head = -1, token = -1, channel = -1;                // the first
};

NotFinite survey(const Evidence& evidence) {
  NotFinite all;
  for (const int64_t head : evidence.heads) {
    for (int64_t token = 0; token < evidence.tokens; ++token) {
      int64_t here = 0;
      for (int64_t c = 0; c < evidence.size(); ++c) {
        const size_t i = evidence.at(head, token) + static_cast<size_t>(c);
        const double expected = std::fabs(evidence.sound[i]);
        if (std::isfinite(evidence.found[i])) {
          all.largest_finite = std::max(all.largest_finite, expected);
        } else {
          if (all.elements == 0) all.head = head, all.token = token, all.channel = c;
          ++all.elements;
          ++here;
          all.encoded += evidence.encoded(head, token);
          all.smallest = std::min(all.smallest, expected);
        }
      }
      all.rows += here == evidence.size();
    }
  }
  return all;
}

}  // namespace

// A scale that overflows takes whole groups with it, or the largest values; a value that came in so stands alone.
std::optional<Guess> rule_not_finite(const Evidence& evidence) {
  if (evidence.found_tokens != evidence.tokens) return std::nullopt;
  const NotFinite all = survey(evidence);
  if (all.elements == 0) return std::nullopt;
  const std::string first = fmt::format("the first in head {}, token {}, channel {}", all.head, all.token, all.channel);
  if (all.rows > 0 && all.rows * evidence.size() == all.elements)
    return Guess{cause::scale_overflow, fmt::format("{} whole tokens of a head are not finite, {}", all.rows, first), 1};
  if (all.smallest >= all.largest_finite)
    return Guess{cause::scale_overflow, fmt::format("the {} largest values are not finite, {}", all.elements, first), 1};
  if (all.elements <= static_cast<int64_t>(evidence.heads.size()))
    return Guess{cause::not_finite, fmt::format("{} single values are not finite, {}, and no larger one is", all.elements, first), 1};
  return Guess{cause::scale_overflow, fmt::format("{} values are not finite, {}", all.elements, first), 0.9};
}

}  // namespace kvdiff
