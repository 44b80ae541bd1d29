#pragma once
#include <memory>
#include <vector>

#include "cache_backends/codec.h"

namespace kvdiff::parity {

// The packed codes of every block that was encoded since somebody emptied this, in order.
struct Encoded {
  std::vector<std::byte> packed;
};

// A codec that leaves a copy of what it encodes, frozen ones too.
std::unique_ptr<Codec> watched(std::unique_ptr<Codec> codec, std::shared_ptr<Encoded> encoded);

}  // namespace kvdiff::parity
