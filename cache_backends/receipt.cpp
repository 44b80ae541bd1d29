#include "cache_backends/receipt.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace kvdiff {

void EncodingErrors::add(const EncodingError& error) {
  largest = std::max(largest, error.largest);
  bound = std::max(bound, error.bound);
  not_finite += error.not_finite;
  if (error.largest > error.bound) ++out_of_band;
}

EncodingError encoding_error(const Codec& codec, std::span<const float> values, const EncodedBlock& block) {
  EncodingError error;
  error.bound = codec.error_bound(values, block.shape, block.dtype);
  std::array<float, 1024> decoded;
  for (size_t first = 0; first < values.size(); first += decoded.size()) {
    const size_t count = std::min(decoded.size(), values.size() - first);
    codec.decode(block, static_cast<int64_t>(first), {decoded.data(), count});
    for (size_t i = 0; i < count; ++i) {
      const float given = values[first + i];
      if (!std::isfinite(given)) continue;
      if (std::isfinite(decoded[i])) {
        error.largest = std::max(error.largest, std::fabs(static_cast<double>(decoded[i]) - given));
      } else {
        ++error.not_finite;
      }
    }
  }
  return error;
}

int64_t distinct_codes(const TokenRun& encoded) {
  if (encoded.tokens() == 0) return 0;
  std::vector<bool> used;
  const Segment& last = encoded.segments().back();
  last.store->mark_codes(last.first, last.count, used);
  return std::count(used.begin(), used.end(), true);
}

}  // namespace kvdiff
