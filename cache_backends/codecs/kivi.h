#pragma once
#include <memory>
#include <vector>

#include "cache_backends/codec.h"

namespace kvdiff {

// KIVI's affine quantizer (quant/new_pack.py at 876b4d2), in the compute type:
//   scale = (max - min) / (2^bits - 1); code = even(clamp((x - min) / scale, 0, 2^bits - 1)); x' = code * scale + min
// Keys: one channel of `group` consecutive tokens of the block; codes packed along the tokens. Values: `group`
// neighbouring channels of one token and head; codes packed along the channels. Little end first: KIVI's int32 words.
// A constant group divides 0 by 0: its codes are 0 here, as CUDA casts NaN, and it decodes to its value exactly.
// KIVI asserts that `group` divides the tokens (keys) or channels (values); ours makes the last group a shorter one, and
// pads to bytes where KIVI needs whole words.
std::vector<SpecKey> kivi_keys();
std::unique_ptr<Codec> make_kivi(const SideSpec& spec, Side side);

}  // namespace kvdiff
