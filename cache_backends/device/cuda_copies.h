#pragma once
#include <cuda_runtime_api.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "cache_backends/device/cuda_memory.h"

namespace kvdiff::device {

// Copies from a GPU on a stream of their own, so that kernels go on meanwhile. What is to come over is first set aside in memory of
// the GPU, in the order of the kernels; from there it goes to pinned memory. So the source is free at once, and no kernel and no
// allocator can touch what is under way: that memory belongs to a slot until the device ends.
class CudaCopies {
 public:
  struct Slot {
    size_t room = 0;
    void* aside = nullptr;
    void* pinned = nullptr;
    cudaEvent_t done = nullptr;
    std::atomic<bool> busy = false;  // cleared by whoever drops the copy, without a lock
  };

  CudaCopies(CudaMemory& memory, cudaStream_t kernels, cudaStream_t copies) : memory_(memory), kernels_(kernels), copies_(copies) {}
  ~CudaCopies() {  // when nothing is under way
    for (const auto& slot : slots_) {
      if (slot->done) cudaEventDestroy(slot->done);
      if (slot->pinned) cudaFreeHost(slot->pinned);
      if (slot->aside) memory_.give_back(slot->aside);
    }
    if (asked_) cudaEventDestroy(asked_);
  }
  CudaCopies(const CudaCopies&) = delete;
  CudaCopies& operator=(const CudaCopies&) = delete;

  cudaError_t open() { return cudaEventCreateWithFlags(&asked_, cudaEventDisableTiming); }

  // A slot that nobody has, or a new one. allocate: memory of the GPU, or throws; called for a new one. A slot whose copy nobody
  // waited for may be handed out while that copy is under way: the next one comes after it, on the same stream.
  cudaError_t take(size_t bytes, const std::function<void*(size_t)>& allocate, Slot*& slot) {
    const size_t room = std::bit_ceil(std::max(bytes, smallest));
    const auto is_free = [&](const auto& one) { return !one->busy && one->room == room; };
    const auto found = std::find_if(slots_.begin(), slots_.end(), is_free);
    if (found != slots_.end()) {
      slot = found->get();
      slot->busy = true;
      return cudaSuccess;
    }
    void* const aside = allocate(room);
    slots_.push_back(std::make_unique<Slot>());
    slot = slots_.back().get();
    slot->aside = aside;
    slot->room = room;
    slot->busy = true;
    if (const cudaError_t error = cudaMallocHost(&slot->pinned, room)) return error;
    return cudaEventCreateWithFlags(&slot->done, cudaEventDisableTiming);
  }

  // Returns at once; slot.done is reached when the bytes are in slot.pinned.
  cudaError_t start(Slot& slot, const void* from, size_t bytes) {
    if (const cudaError_t error = cudaMemcpyAsync(slot.aside, from, bytes, cudaMemcpyDeviceToDevice, kernels_)) return error;
    if (const cudaError_t error = cudaEventRecord(asked_, kernels_)) return error;
    if (const cudaError_t error = cudaStreamWaitEvent(copies_, asked_, 0)) return error;
    if (const cudaError_t error = cudaMemcpyAsync(slot.pinned, slot.aside, bytes, cudaMemcpyDeviceToHost, copies_)) return error;
    return cudaEventRecord(slot.done, copies_);
  }

 private:
  static constexpr size_t smallest = 4096;
  CudaMemory& memory_;
  cudaStream_t kernels_, copies_;
  cudaEvent_t asked_ = nullptr;  // recorded for each copy: the other stream waits for what it was when that was asked to
  std::vector<std::unique_ptr<Slot>> slots_;
};

}  // namespace kvdiff::device
