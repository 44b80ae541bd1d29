#pragma once
#include <memory>
#include <vector>

#include "cache_backends/codec.h"

namespace kvdiff {

// HQQ as hqq 0.2.8.post1 has it (hqq/core/quantize.py, optimize.py, bitpack.py), called as transformers 5.23 calls it.
std::vector<SpecKey> hqq_keys();
std::unique_ptr<Codec> make_hqq(const SideSpec& spec, Side side);

}  // namespace kvdiff
