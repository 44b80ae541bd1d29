#include "cache_backends/aten/hqq_aten.h"
#include "cache_backends/error.h"

namespace kvdiff {

void set_aten_threads(int) {}

HqqAtenResult hqq_encode_aten(const HqqAtenRequest&) {
  throw UserError(ExitCode::environment,
                  "hqq: arithmetic=torch needs libtorch, and this kvdiff was built without it (KVDIFF_TORCH=OFF): build "
                  "with ./x build, or leave arithmetic out");
}

}  // namespace kvdiff
