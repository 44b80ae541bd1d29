#pragma once
#include <memory>
#include <string>

#include "cache_backends/codec.h"

namespace kvdiff::parity {

// A codec with a planted fault, to see the parity run turn red: `scale` (one scale is off by one unit in the last
// place), `nibbles` (the two codes of a byte change places), `truncate` (toward zero where the format rounds).
// Empty: the codec as it is. Throws UserError(usage) for another name.
std::unique_ptr<Codec> with_fault(std::unique_ptr<Codec> codec, const std::string& fault);

}  // namespace kvdiff::parity
