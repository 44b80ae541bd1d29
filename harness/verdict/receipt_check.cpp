#include "harness/verdict/receipt_check.h"

#include <fmt/format.h>

namespace kvdiff {
namespace {

struct ProofPlace {
  const SideProof& proof;
  Side side;
  size_t layer;
};

std::string place(const ProofPlace& at) { return fmt::format("layer {}, {}s", at.layer, name_of(at.side)); }

bool same(const Bytes& a, const Bytes& b) {
  return a.codes == b.codes && a.scales == b.scales && a.zeros == b.zeros && a.residual == b.residual;
}

std::string never_encoded(const ProofPlace& at) {
  if (at.proof.receipt.encoded_elements > 0) return "";
  return fmt::format("{}: nothing was quantized, all {} tokens stayed in the residual; the run is shorter than the residual: "
                     "ask for more tokens (--tokens) or a smaller residual",
                     place(at), at.proof.receipt.tokens_residual);
}

std::string never_read(const ProofPlace& at) {
  if (at.proof.receipt.quantized_reads > 0) return "";
  return fmt::format("{}: attention never read a quantized token, so what was measured is not this cache; "
                     "ask for more tokens (--tokens: the step after a flush reads it)", place(at));
}

std::string impossible_bytes(const ProofPlace& at) {
  const auto& [measured, expected] = std::pair(at.proof.receipt.measured, at.proof.receipt.expected);
  if (same(measured, expected)) return "";
  return fmt::format("{}: the cache holds {} bytes where the format's arithmetic says {}", place(at), measured.total(), expected.total());
}

std::string impossible_codes(const ProofPlace& at) {
  if (at.proof.receipt.distinct_codes > 0) return "";
  return fmt::format("{}: {} elements were encoded with no code at all", place(at), at.proof.receipt.encoded_elements);
}

std::string impossible_error(const ProofPlace& at) {
  const SideReceipt& receipt = at.proof.receipt;
  if (receipt.out_of_band > 0 || receipt.largest_error > receipt.error_bound) {
    return fmt::format("{}: an error of {:.3g} in {} blocks, where the format can show at most {:.3g}", place(at), receipt.largest_error,
                       receipt.out_of_band, receipt.error_bound);
  }
  if (receipt.largest_error != 0 || receipt.distinct_codes < 2 || receipt.not_finite > 0) return "";
  return fmt::format("{}: decoded values equal what was given: nothing was rounded, so nothing was quantized", place(at));
}

using Check = std::string (*)(const ProofPlace&);
constexpr Check checks[] = {never_encoded, never_read, impossible_codes, impossible_bytes, impossible_error};

}  // namespace

std::string receipt_fault(const LaneReport& lane) {
  for (const Check check : checks) {
    for (size_t layer = 0; layer < lane.receipt.layers.size(); ++layer) {
      const LayerProof& proof = lane.receipt.layers[layer];
      for (const ProofPlace& at : {ProofPlace{proof.key, Side::key, layer}, ProofPlace{proof.value, Side::value, layer}}) {
        if (!at.proof.quantizes) continue;
        if (std::string fault = check(at); !fault.empty()) return fault;
      }
    }
  }
  const BytesReport& bytes = lane.bytes;
  if (bytes.codes + bytes.scales + bytes.zeros + bytes.residual != bytes.total) {
    return fmt::format("{} bytes in all are not the sum of codes, scales, zeros and residual", bytes.total);
  }
  return lane.receipt.layers.empty() ? "the lane has no receipt: nothing proves what its cache did" : "";
}

}  // namespace kvdiff
