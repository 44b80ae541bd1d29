#pragma once
#include <memory>
#include <vector>

#include "cache_backends/codec.h"

namespace kvdiff {

// 8-bit floating point (../fp8.h); scales are float32, x' = code * scale in float32, rounded once to the compute type.
//
// hf-fp8, transformers 5.23's backend fp8: e4m3, one scale per tensor, max|x| / 448 of the first update (at least the
// smallest normal float32), kept for all that follows; code = e4m3(x / scale), so that what lies beyond saturates.
//
// fp8, after vLLM: values are clamped to the largest finite code, infinities too; NaN stays NaN.
//   per=token-head: scale = max(max|x| / largest, 1e-6), code = fp8(x * (1 / scale)), as its int8_per_token_head
//   per=tensor: code = fp8(x / scale), where scale=1 (vLLM's default, without calibration), or scale=frozen, max|x| of
//   the first block / 200 for keys, / 100 for values (calculate_kv_scales), or scale=dynamic, the token-head rule over
//   the whole block. scale=auto: dynamic per token and head, 1 per tensor.
// NaN and infinities in what a scale is taken from poison all that it serves.
struct Fp8Rules {
  bool e5m2 = false;
  bool per_token_head = false;
  bool frozen = false;        // the scale of the first block serves all
  float divisor = 448;        // scale = max|x| / divisor
  float least = 1e-6f;        // of a scale
  bool by_reciprocal = true;  // x * (1 / scale), not x / scale

  float largest() const { return e5m2 ? 57344.0f : 448.0f; }
  double half_unit() const { return e5m2 ? 0x1p-3 : 0x1p-4; }  // of a normal number, as a share of it
  double smallest() const { return e5m2 ? 0x1p-16 : 0x1p-9; }  // subnormal step
};

std::vector<SpecKey> fp8_keys();
std::vector<SpecKey> hf_fp8_keys();  // none
std::unique_ptr<Codec> make_fp8(const SideSpec& spec, Side side);
std::unique_ptr<Codec> make_hf_fp8(const SideSpec& spec, Side side);
// With the scale of another block, for good.
std::unique_ptr<Codec> make_frozen_fp8(const Fp8Rules& rules, float scale);

}  // namespace kvdiff
