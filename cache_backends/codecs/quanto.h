#pragma once
#include <memory>
#include <vector>

#include "cache_backends/codec.h"

namespace kvdiff {

// quanto as optimum-quanto 0.2.7 has it (tensor/grouped.py, packed.py, optimizers/max_optimizer.py, library/quantize.py),
// called as transformers 5.23 calls it: MaxOptimizer, quantize_weight, dequantize. All arithmetic in the compute type.
//   scale = (max - min) / (2^bits - 1); shift = -min; code = clamp(even((x + shift) / scale)); x' = scale * code - shift
// axis=0: runs of `group` neighbours in memory. axis=-1: one channel of `group` consecutive rows of the list of all
// (sequence, head, token), so that a group runs on into the next head where `group` does not divide the tokens.
// A constant group has scale 0, and survives: 0 * code - shift. A block of one group (axis=0) has a scale per value: the
// peer then takes "the" axis for none.
// Packed: rows of the grouped matrix cut into 8 / bits equal parts, part 0 in the lowest bits; the last byte rows padded.
//
// Where the group does not divide, the peer raises (peer_verdict); ours makes the last group a shorter one, packed behind
// the others as a matrix of its own.
std::vector<SpecKey> quanto_keys();
std::unique_ptr<Codec> make_quanto(const SideSpec& spec, Side side);

}  // namespace kvdiff
