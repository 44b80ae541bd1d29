#pragma once
#include <memory>
#include <vector>

#include "cache_backends/codec.h"

namespace kvdiff {

// llama.cpp's block formats for K and V (ggml-quants.c, quantize_row_*_ref): blocks of 32 neighbours of one token and head,
// a float16 scale d (and, in the _1 types, a float16 minimum m) each. Codes are found in float32 with 1 / d before d is
// rounded; decoding uses d as stored, in float32, and rounds once to the compute type.
//   q8_0    d = max|x| / 127           code = away(x / d)                       x' = code * d
//   q4_0    d = M / -8, q5_0 M / -16   code = min(truncate(x / d + 8.5), 15)    x' = (code - 8) * d   (16.5, 31, 16)
//           where M is the value of largest magnitude, the first of equals, with its sign
//   q4_1    d = (max - min) / 15       code = min(truncate((x - m) / d + 0.5), 15)      x' = code * d + m
//   q5_1    the same with 31
//   iq4_nl  d0 = M / -127; code: the nearest of 16 uneven steps v to x / d0; then d = sum(x^2 v x) / sum(x^2 v v)
// A block whose d would be 0 gets codes for x / d = 0; in iq4_nl, one below 1e-15 has d = 0 and codes 0 (ggml leaves them
// unset). Infinities and NaN poison their block: a float16 d that overflows to infinity decodes to no finite number.
//
// Packed: the block as ggml holds it, without d and m, which stand in `scale` and `zero`: 32 bytes of codes; or 16 with
// value j in the low and j + 16 in the high nibble, q5 with four bytes of fifth bits before them.
// Head sizes that 32 does not divide: UserError(usage), as llama.cpp refuses them.
std::vector<SpecKey> ggml_keys();  // none
std::unique_ptr<Codec> make_ggml(const SideSpec& spec, Side side);  // the format is the codec's name

}  // namespace kvdiff
