#pragma once
#include <cuda_runtime_api.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace kvdiff::device {

// Pinned memory of the host between ordinary memory and a GPU: with it a copy into the GPU does not wait for the stream (the
// driver does, for pageable memory of more than 64 KiB), and large copies overlap with the host's own part of the work.
class CudaStaging {
 public:
  explicit CudaStaging(cudaStream_t stream) : stream_(stream) {}
  ~CudaStaging() {
    for (Slot& slot : slots_) {
      if (slot.done) cudaEventDestroy(slot.done);
      if (slot.memory) cudaFreeHost(slot.memory);
    }
  }
  CudaStaging(const CudaStaging&) = delete;
  CudaStaging& operator=(const CudaStaging&) = delete;

  cudaError_t open() {
    for (Slot& slot : slots_) {
      if (const cudaError_t error = cudaMallocHost(&slot.memory, slot_bytes)) return error;
      if (const cudaError_t error = cudaEventCreateWithFlags(&slot.done, cudaEventDisableTiming)) return error;
    }
    return cudaSuccess;
  }

  // Returns when `from` may be changed; the GPU may not have it yet.
  cudaError_t copy_in(std::byte* to, const std::byte* from, size_t bytes) {
    for (size_t at = 0; at < bytes; at += slot_bytes) {
      Slot& slot = slots_[next_++ % slots_.size()];
      const size_t part = std::min(slot_bytes, bytes - at);
      if (const cudaError_t error = cudaEventSynchronize(slot.done)) return error;
      std::memcpy(slot.memory, from + at, part);
      if (const cudaError_t error = cudaMemcpyAsync(to + at, slot.memory, part, cudaMemcpyHostToDevice, stream_)) return error;
      if (const cudaError_t error = cudaEventRecord(slot.done, stream_)) return error;
    }
    return cudaSuccess;
  }

  // Returns when `to` holds everything, so when all that was asked for before it is done.
  cudaError_t copy_out(std::byte* to, const std::byte* from, size_t bytes) {
    const size_t parts = (bytes + slot_bytes - 1) / slot_bytes, first = next_, ahead = slots_.size();
    for (size_t part = 0; part < parts + ahead; ++part) {
      if (part >= ahead)
        if (const cudaError_t error = take_part(to, bytes, part - ahead, first)) return error;
      if (part < parts)
        if (const cudaError_t error = ask_part(from, bytes, part, first)) return error;
    }
    next_ += parts;
    return cudaSuccess;
  }

 private:
  static constexpr size_t slot_bytes = size_t{2} << 20;
  struct Slot {
    void* memory = nullptr;
    cudaEvent_t done = nullptr;
  };

  // A slot that an earlier copy_in still reads is free before this copy runs: one stream, in order.
  cudaError_t ask_part(const std::byte* from, size_t bytes, size_t part, size_t first) {
    Slot& slot = slots_[(first + part) % slots_.size()];
    const size_t at = part * slot_bytes;
    if (const cudaError_t error = cudaMemcpyAsync(slot.memory, from + at, std::min(slot_bytes, bytes - at), cudaMemcpyDeviceToHost, stream_))
      return error;
    return cudaEventRecord(slot.done, stream_);
  }
  cudaError_t take_part(std::byte* to, size_t bytes, size_t part, size_t first) {
    const size_t at = part * slot_bytes;
    if (at >= bytes) return cudaSuccess;
    Slot& slot = slots_[(first + part) % slots_.size()];
    if (const cudaError_t error = cudaEventSynchronize(slot.done)) return error;
    std::memcpy(to + at, slot.memory, std::min(slot_bytes, bytes - at));
    return cudaSuccess;
  }

  cudaStream_t stream_;
  std::array<Slot, 4> slots_{};
  size_t next_ = 0;
};

}  // namespace kvdiff::device
