#include "cache_backends/kernels/hqq.h"

// hqq_scalar.cpp for machines that fuse in one instruction: there each fma is a call.
namespace kvdiff::hqq_scalar_fma {
namespace {
#include "cache_backends/kernels/hqq_kernel.inc"
}  // namespace
const HqqKernels& table() { return kernels; }
}  // namespace kvdiff::hqq_scalar_fma
