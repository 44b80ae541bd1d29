#include "cache_backends/kernels/affine.h"

namespace kvdiff::affine_scalar {
namespace {
#include "cache_backends/kernels/affine_kernel.inc"
}  // namespace
const AffineKernels& table() { return kernels; }
}  // namespace kvdiff::affine_scalar
