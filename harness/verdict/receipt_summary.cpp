#include "harness/verdict/receipt_summary.h"

#include <algorithm>

namespace kvdiff {
namespace {

void add(ReceiptSummary& summary, const SideProof& proof) {
  const SideReceipt& receipt = proof.receipt;
  const bool is_first = summary.codecs.empty();
  if (std::ranges::find(summary.codecs, proof.codec) == summary.codecs.end()) summary.codecs.push_back(proof.codec);
  if (is_first || receipt.tokens_quantized > summary.tokens_quantized) {
    summary.tokens_quantized = receipt.tokens_quantized;
    summary.tokens_residual = receipt.tokens_residual;
  }
  summary.flushes = std::max(summary.flushes, receipt.flushes);
  summary.largest_requantized = std::max(summary.largest_requantized, receipt.largest_requantized);
  summary.quantized_reads += receipt.quantized_reads;
  summary.fewest_codes = is_first ? receipt.distinct_codes : std::min(summary.fewest_codes, receipt.distinct_codes);
  if (receipt.error_bound > 0) summary.error_share = std::max(summary.error_share, receipt.largest_error / receipt.error_bound);
  summary.bytes_as_expected = summary.bytes_as_expected && receipt.measured.total() == receipt.expected.total();
}

}  // namespace

ReceiptSummary receipt_summary(const ReceiptReport& receipt) {
  ReceiptSummary summary;
  summary.layers = static_cast<int64_t>(receipt.layers.size());
  for (const LayerProof& layer : receipt.layers) {
    if (layer.key.quantizes) ++summary.key_layers, add(summary, layer.key);
    if (layer.value.quantizes) ++summary.value_layers, add(summary, layer.value);
  }
  return summary;
}

}  // namespace kvdiff
