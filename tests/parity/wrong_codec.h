#pragma once
#include <memory>
#include <string>

#include "cache_backends/cache_spec.h"
#include "cache_backends/codec.h"

namespace kvdiff::parity {

// The codec of the spec with a planted fault, to see the parity run turn red:
//   scale      the last scale of a block is one unit in the last place too large
//   nibbles    the two halves of each packed byte change places
//   truncate   codes are rounded toward zero (hqq, int8, int4)
//   ascending  the solver's sums are taken one after the other, not in torch's cascade (hqq)
// Empty: the codec as it is. Throws UserError(usage) for another name, or a codec that the fault is not made for.
std::unique_ptr<Codec> codec_with_fault(const SideSpec& spec, Side side, const std::string& fault);

}  // namespace kvdiff::parity
