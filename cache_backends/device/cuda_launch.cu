#include "cache_backends/device/cuda_launch.h"
#include "cache_backends/device/kernels/all.cuh"

namespace kvdiff::device {
namespace {

// One block per multiprocessor is asked for: without that ptxas spills registers for the sake of more blocks.
template <class Kernel>
__global__ void __launch_bounds__(Kernel::width, 1) enter(const typename Kernel::Arguments arguments) {
  Thread thread;
  Kernel::run(arguments, thread);
}

template <class Kernel>
cudaError_t start(const Geometry& geometry, const void* arguments, cudaStream_t stream) {
  const dim3 blocks(static_cast<unsigned>(geometry.blocks_x), static_cast<unsigned>(geometry.blocks_y));
  enter<Kernel><<<blocks, static_cast<unsigned>(geometry.width), static_cast<size_t>(geometry.shared_bytes), stream>>>(
      *static_cast<const typename Kernel::Arguments*>(arguments));
  return cudaGetLastError();
}

#define KVDIFF_ROW(Kernel) start<Kernel>,
constexpr CudaStart rows[] = {KVDIFF_KERNELS(KVDIFF_ROW)};
#undef KVDIFF_ROW

}  // namespace

CudaStart cuda_launch(KernelId id) { return rows[static_cast<size_t>(id)]; }

}  // namespace kvdiff::device
