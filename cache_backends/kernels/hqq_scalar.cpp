#include "cache_backends/kernels/hqq.h"

namespace kvdiff::hqq_scalar {
namespace {
#include "cache_backends/kernels/hqq_kernel.inc"
}  // namespace
const HqqKernels& table() { return kernels; }
}  // namespace kvdiff::hqq_scalar
