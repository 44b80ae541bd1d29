#include "cache_backends/kernels/integer.h"

namespace kvdiff::integer_avx512 {
namespace {
#include "cache_backends/kernels/integer_kernel.inc"
}  // namespace
const IntegerKernels& table() { return kernels; }
}  // namespace kvdiff::integer_avx512
