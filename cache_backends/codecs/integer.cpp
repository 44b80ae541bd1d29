#include "cache_backends/codecs/integer.h"

#include "cache_backends/error.h"

namespace kvdiff {

std::vector<SpecKey> integer_keys() {
  return {
      {"per", "token-head", "what shares a scale", {"token-head", "token", "channel", "tensor"}},
      {"scheme", "symmetric", "symmetric: zero is code 0; zero: an offset is kept", {"symmetric", "zero"}},
      {"round", "even", "to the nearest (ties to even, or away from zero), or toward zero", {"even", "away", "truncate"}},
      {"scale", "dynamic", "dynamic: of each encoded block; frozen: of the first one, for good", {"dynamic", "frozen"}},
  };
}

std::unique_ptr<Codec> make_int8(const SideSpec&, Side) { throw InternalError("int8 is not built yet"); }
std::unique_ptr<Codec> make_int4(const SideSpec&, Side) { throw InternalError("int4 is not built yet"); }

}  // namespace kvdiff
