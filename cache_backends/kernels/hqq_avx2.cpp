#include "cache_backends/kernels/hqq.h"

namespace kvdiff::hqq_avx2 {
namespace {
#include "cache_backends/kernels/hqq_kernel.inc"
}  // namespace
const HqqKernels& table() { return kernels; }
}  // namespace kvdiff::hqq_avx2
