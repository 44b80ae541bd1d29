#include "cache_backends/codecs/hqq.h"

#include "cache_backends/error.h"

namespace kvdiff {

std::vector<SpecKey> hqq_keys() {
  return {
      {"bits", "4", "bits per code", {"1", "2", "3", "4", "8"}},
      {"group", "64", "values that share a scale and a zero", {}},
      {"axis", "0", "0: groups are strided over the whole tensor; 1: runs of neighbours in memory", {"0", "1"}},
      {"solver", "on", "the half-quadratic solver: on is 0.2.8's; 0.2.6 and main are the peer's other two",
       {"on", "off", "0.2.6", "0.2.8", "main"}},
      {"solver_dtype", "float32", "float32: the peer's solver on a CPU; float16: on a GPU", {"float32", "float16"}},
  };
}

std::unique_ptr<Codec> make_hqq(const SideSpec&, Side) { throw InternalError("hqq is not built yet"); }

}  // namespace kvdiff
