#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace kvdiff {

// HQQ's quantizer in ATen's own operations, in the peer's order: bit-equal to hqq 0.2.8.post1 where torch is the same
// version with the same number of threads. Outside the arithmetic contract: the bits depend on torch, on its vector
// width and, above 32,768 elements, on its threads, of which there is one unless set_aten_threads() was called.
struct HqqAtenRequest {
  std::span<const float> values;  // of the compute type, as floats
  int bits = 4, axis = 0;
  int64_t group = 64;
  bool solves = true, guards = true, grows = false;  // as codecs/hqq.cpp has them
  bool half = false;                                 // the solver runs in float16
  float first_error = 0;                             // what the first turn's mean error has to beat
};

struct HqqAtenResult {
  std::vector<uint8_t> codes;      // in the order of the tensor
  std::vector<float> scale, zero;  // [groups], before they are rounded to the compute type
};

// hqq/core/quantize.py, Quantizer.quantize with optimize.py's optimize_weights_proximal_legacy. Throws
// UserError(environment) in a build without libtorch.
HqqAtenResult hqq_encode_aten(const HqqAtenRequest& request);
void set_aten_threads(int threads);  // of hqq_encode_aten, from its next call on

}  // namespace kvdiff
