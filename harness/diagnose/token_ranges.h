#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace kvdiff {

// Tokens [first, last] of all quantized sides in full precision. Recoveries are shares of the candidate's KLD over the
// window; none: not asked.
struct TokenRangeScore {
  std::string name;                 // sinks, prompt, generated
  int64_t first = 0, last = 0;      // positions, inclusive
  std::optional<double> exempt;     // read exactly; the other tokens' codes stay as they were
  std::optional<double> withheld;   // and kept from the quantizer, so that they stretch nobody's scale
};

}  // namespace kvdiff
