#pragma once
#include <memory>

#include "cache_backends/cache_spec.h"
#include "cache_backends/codec.h"

namespace kvdiff::parity {

// hqq, solver=on, written slowly in standard C++: sums one value after the other (which is the fault, and differs from
// torch's cascade), and codes rounded toward zero if asked to.
std::unique_ptr<Codec> make_wrong_hqq(const SideSpec& spec, Side side, bool truncates);

}  // namespace kvdiff::parity
