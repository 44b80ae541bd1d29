#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "harness/run_report.h"

namespace kvdiff {

// A lane's receipts in one line: what layers and sides that claim to quantize have in common.
struct ReceiptSummary {
  int64_t layers = 0, key_layers = 0, value_layers = 0;  // in all; those whose keys, whose values claim to quantize
  std::vector<std::string> codecs;                       // each once, in order of appearance, `full` left out
  int64_t tokens_quantized = 0, tokens_residual = 0;     // of the layer and side that holds the most codes
  int64_t flushes = 0, largest_requantized = 0;          // the most of any
  int64_t quantized_reads = 0;                           // of all together
  int64_t fewest_codes = 0;                              // least number of distinct codes
  double error_share = 0;                                // largest error / its bound
  bool bytes_as_expected = true;
};

ReceiptSummary receipt_summary(const ReceiptReport& receipt);

}  // namespace kvdiff
