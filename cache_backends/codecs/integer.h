#pragma once
#include <memory>
#include <vector>

#include "cache_backends/codec.h"

namespace kvdiff {

std::vector<SpecKey> integer_keys();
std::unique_ptr<Codec> make_int8(const SideSpec& spec, Side side);
std::unique_ptr<Codec> make_int4(const SideSpec& spec, Side side);

}  // namespace kvdiff
