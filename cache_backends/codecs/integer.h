#pragma once
#include <memory>
#include <vector>

#include "cache_backends/codecs/integer_scales.h"

namespace kvdiff {

// int8 and int4. Scales and zeros are float32, as in vLLM; codes are packed one or two per byte.
//
// scheme=symmetric, after vLLM's int8_per_token_head (per=token-head), its earlier int8 per token (per=token) and
// TensorRT-LLM's per-tensor INT8 (per=tensor):
//   scale = max(max|x| / L, 1e-6); code = clamp(round(x * (1 / scale)), low, L); x' = code * scale, rounded once
//   int8: L = 127, low = -128, two's complement.  int4: L = 7, low = -7, stored as code + 8.
//   vLLM truncated until June 2026 (its pull request 45361) and rounds to even since: round=truncate, round=even.
// scheme=zero, after LMDeploy's TurboMind:
//   zero = min x; scale = (max x - min x) / M, or 1 for a constant; code = clamp(round((x - zero) / scale), 0, M);
//   x' = code * scale + zero in float32, rounded once.  M = 255, 15.
// scheme=lmdeploy, LMDeploy's PyTorch engine: lmdeploy.h; per=token-head, scale and zero in the compute type.
// int4 halves lie as in LMDeploy: of each row of D values, value d < D/2 in the low nibble, d + D/2 in the high one.
//
// per: what shares a scale. token-head [B, H, S], token [B, S] (all heads), channel [B, H, D] (all tokens of the block),
// tensor [1]. scale=frozen (channel: [H, D], all sequences; tensor): frozen() takes the scale of a first block for all
// later ones; what lies beyond it is clamped.
//
// Infinities and NaN: under a dynamic scale all that shares the scale decodes to NaN, since no finite step holds it (so
// does a float32 range that overflows). Under a frozen scale infinities are clamped, and NaN becomes code 0.
std::vector<SpecKey> integer_keys();
std::unique_ptr<Codec> make_int8(const SideSpec& spec, Side side);
std::unique_ptr<Codec> make_int4(const SideSpec& spec, Side side);
// With scales taken from another block, for good. on_device: null, or the codec that found them there.
std::unique_ptr<Codec> make_frozen_integer(const IntegerFormat& format, Rounding round, IntegerScales scales,
                                           std::shared_ptr<const device::DeviceCodec> on_device);

}  // namespace kvdiff
