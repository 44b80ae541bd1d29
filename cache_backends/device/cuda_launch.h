#pragma once
#include <cuda_runtime_api.h>

#include "cache_backends/device/geometry.h"
#include "cache_backends/device/kernels/list.h"

namespace kvdiff::device {

// The other column of the launch table (launch_table.h): starts the kernel on the stream, and does not wait for it.
using CudaStart = cudaError_t (*)(const Geometry& geometry, const void* arguments, cudaStream_t stream);
CudaStart cuda_launch(KernelId id);

}  // namespace kvdiff::device
