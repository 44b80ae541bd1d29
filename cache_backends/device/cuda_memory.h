#pragma once
// Memory of a GPU in the order of one stream: what is given back may be taken again by what comes later in the stream, without
// waiting. Where the build has libtorch it is torch's caching allocator, so that ATen in the same process draws from the same
// pool; CUDA's own pool otherwise. Included by cuda_device.cpp alone: torch's headers bring another fmt.
#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#ifdef KVDIFF_CUDA_TORCH
#include <c10/cuda/CUDACachingAllocator.h>
#endif

namespace kvdiff::device {

#ifdef KVDIFF_CUDA_TORCH

class CudaMemory {
 public:
  CudaMemory(int, cudaStream_t stream) : stream_(stream) {
    int devices = 0;
    if (cudaGetDeviceCount(&devices) == cudaSuccess && !allocator()->initialized()) allocator()->init(devices);
  }
  // Null and cudaErrorMemoryAllocation where there is too little.
  cudaError_t take(void** memory, size_t bytes) {
    try {
      *memory = allocator()->raw_alloc_with_stream(bytes, stream_);
      return cudaSuccess;
    } catch (const c10::OutOfMemoryError&) {
      return cudaErrorMemoryAllocation;
    } catch (const c10::Error&) {
      const cudaError_t error = cudaGetLastError();
      return error == cudaSuccess ? cudaErrorUnknown : error;
    }
  }
  void give_back(void* memory) noexcept {
    try {
      allocator()->raw_delete(memory);
    } catch (const c10::Error&) {  // after a failure that was already reported: the process ends soon
    }
  }

 private:
  static c10::cuda::CUDACachingAllocator::CUDAAllocator* allocator() { return c10::cuda::CUDACachingAllocator::get(); }
  cudaStream_t stream_;
};

#else

class CudaMemory {
 public:
  CudaMemory(int device, cudaStream_t stream) : stream_(stream) {
    int has_pools = 0;
    if (cudaDeviceGetAttribute(&has_pools, cudaDevAttrMemoryPoolsSupported, device) != cudaSuccess || has_pools == 0) return;
    if (cudaDeviceGetDefaultMemPool(&pool_, device) != cudaSuccess) return;
    uint64_t all = UINT64_MAX;  // otherwise each wait of the host gives everything back to the system
    cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &all);
  }
  // cudaErrorMemoryAllocation where there is too little, even after the pool gave back what it does not need.
  cudaError_t take(void** memory, size_t bytes) {
    if (!pool_) return forget(cudaMalloc(memory, bytes));
    if (cudaMallocAsync(memory, bytes, stream_) == cudaSuccess) return cudaSuccess;
    cudaGetLastError();
    const cudaError_t waited = cudaStreamSynchronize(stream_);
    if (waited != cudaSuccess) return waited;
    cudaMemPoolTrimTo(pool_, 0);
    return forget(cudaMallocAsync(memory, bytes, stream_));
  }
  void give_back(void* memory) noexcept {
    if (pool_) cudaFreeAsync(memory, stream_);
    else cudaFree(memory);
  }

 private:
  // The runtime repeats an error until it has been asked for.
  static cudaError_t forget(cudaError_t error) {
    if (error != cudaSuccess) cudaGetLastError();
    return error;
  }
  cudaStream_t stream_;
  cudaMemPool_t pool_ = nullptr;
};

#endif

}  // namespace kvdiff::device
