#pragma once
#include <memory>

#include "cache_backends/codec.h"

namespace kvdiff {

// int8 and int4 with scheme=lmdeploy: LMDeploy's PyTorch engine (pytorch/kernels/cuda/fill_kv_cache.py and
// flatten_kv_cache.py), one scale and zero per token and head, stored in the compute type:
//   scale = (max - min) / M; zero = -min / scale (a float, in codes); code = truncate(x / scale + zero + 0.5)
//   x' = code * scale - zero * scale                                        M = 255, 15
// int8 computes all of it in the compute type, each operation rounded; int4 finds codes in float32, and decodes in the
// compute type. LMDeploy does not clamp: a code that rounding lifts beyond M is left to the GPU's cast; ours clamps.
// A constant group divides by 0: code 0, and NaN when decoded (0 * 0 - infinity * 0), as the formula has it.
// int4 halves lie as everywhere in int4: of a row of D values, d < D/2 in the low nibble, d + D/2 in the high one.
std::unique_ptr<Codec> make_lmdeploy(int bits);

}  // namespace kvdiff
