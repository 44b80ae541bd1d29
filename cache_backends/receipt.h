#pragma once
#include <cstdint>
#include <span>

#include "cache_backends/codec.h"
#include "cache_backends/kv_cache.h"
#include "cache_backends/token_run.h"

namespace kvdiff {

// What encoding did to values, against what the format may do to them.
struct EncodingError {
  double largest = 0;       // |decoded - given|, of elements that are finite in both
  double bound = 0;
  int64_t not_finite = 0;   // finite when given, not finite when decoded
};
// Over many encodings.
struct EncodingErrors {
  double largest = 0, bound = 0;
  int64_t out_of_band = 0;  // encodings whose error was larger than their own bound
  int64_t not_finite = 0;
  void add(const EncodingError& error);
  bool operator==(const EncodingErrors&) const = default;
};
EncodingError encoding_error(const Codec& codec, std::span<const float> values, const EncodedBlock& block);

// Codes that occur in the last encoded block, or in the last chunk of tokens that were encoded one by one.
int64_t distinct_codes(const TokenRun& encoded);

}  // namespace kvdiff
