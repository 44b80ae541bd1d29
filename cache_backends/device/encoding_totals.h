#pragma once
#include "cache_backends/device/codec.h"
#include "cache_backends/side_memory.h"

// What encoding did to values, and which codes it used, where they lie (kernels/encoding_error.cuh); the host's are in receipt.cpp
// and encoded_store.cpp.
namespace kvdiff::device {

struct JudgedEncoding {
  const DeviceCodec& codec;
  std::span<const float> values;  // on the device
  const EncodedArrays& encoded;
  int64_t units = 1;
};
// Starts kernels, and waits for none of them. before: null, or made here on the same device.
SharedTotals judged_on(Device& device, const SharedTotals& before, const JudgedEncoding& what);
SharedTotals totals_on(Device& device, const EncodingErrors& errors);

// Tokens [first, first + count) of all rows of a store.
struct MarkedTokens {
  int64_t rows, first, count, head_size, levels;
};
// used, [levels]: those that occur are added. A bit per level comes back.
void mark_codes(Device& device, const Format& format, const MarkedTokens& tokens, std::vector<bool>& used);

}  // namespace kvdiff::device
