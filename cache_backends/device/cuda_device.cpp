#include "cache_backends/device/cuda_device.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <mutex>

#include "cache_backends/device/cuda_copies.h"
#include "cache_backends/device/cuda_launch.h"
#include "cache_backends/device/cuda_memory.h"
#include "cache_backends/device/cuda_staging.h"
#include "cache_backends/device/launch_table.h"

// Machine code of cuda_launch.cu, as the build was told; the default of CMakeLists.txt.
#ifndef KVDIFF_CUDA_ARCHITECTURES
#define KVDIFF_CUDA_ARCHITECTURES "75 80 86 89 90 100 120"
#endif

namespace kvdiff::device {
namespace {

std::string words_of(cudaError_t error) { return std::string(cudaGetErrorName(error)) + " (" + cudaGetErrorString(error) + ")"; }

// The machine's fault, not the program's.
bool of_the_machine(cudaError_t error) {
  switch (error) {
    case cudaErrorDevicesUnavailable:
    case cudaErrorECCUncorrectable:
    case cudaErrorHardwareStackError:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorLaunchTimeout:
    case cudaErrorSystemNotReady:
    case cudaErrorSystemDriverMismatch:
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorMemoryAllocation: return true;  // none left to load a kernel into; what allocate() finds is said there
    default: return false;
  }
}

CudaAnswer answer_of(cudaError_t error) {
  if (error == cudaSuccess) return CudaAnswer::counted;
  if (error == cudaErrorNoDevice) return CudaAnswer::no_device;
  return error == cudaErrorInsufficientDriver ? CudaAnswer::old_driver : CudaAnswer::other;
}

class Stream {
 public:
  Stream() = default;
  ~Stream() {
    if (stream_) cudaStreamDestroy(stream_);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  cudaError_t open() { return cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking); }
  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

class CudaDevice final : public Device {
 public:
  CudaDevice(int index, const CudaDeviceInfo& info) : index_(index), info_(info) {
    opened(cudaSetDevice(index));
    opened(cudaFree(nullptr));  // makes the context, so that its errors come here
    opened(stream_.open());
    opened(out_.open());
    memory_ = std::make_unique<CudaMemory>(index, stream_.get());
    staging_ = std::make_unique<CudaStaging>(stream_.get());
    opened(staging_->open());
    copies_ = std::make_unique<CudaCopies>(*memory_, stream_.get(), out_.get());
    opened(copies_->open());
  }
  ~CudaDevice() override {
    cudaSetDevice(index_);
    cudaStreamSynchronize(stream_.get());  // pinned memory may be under way; who needed the result has asked for it
    cudaStreamSynchronize(out_.get());
  }
  DeviceKind kind() const override { return DeviceKind::cuda; }
  std::string name() const override {
    return info_.name + " (cuda:" + std::to_string(index_) + ", compute capability " + std::to_string(info_.major) + "." +
           std::to_string(info_.minor) + ")";
  }

  void* allocate(int64_t bytes) override {
    const auto lock = enter();
    return taken(bytes);
  }
  void release(void* memory) noexcept override {
    const std::lock_guard lock(mutex_);
    if (cudaSetDevice(index_) == cudaSuccess) memory_->give_back(memory);
  }
  void copy_in(void* to, const void* from, int64_t bytes) override {
    const auto lock = enter();
    log_.bytes_in += bytes;
    check(staging_->copy_in(static_cast<std::byte*>(to), static_cast<const std::byte*>(from), static_cast<size_t>(bytes)),
          "a copy to the GPU");
  }
  void copy_out(void* to, const void* from, int64_t bytes) override {
    const auto lock = enter();
    log_.bytes_out += bytes;
    ++log_.copies_out;
    ++log_.waits;
    check(staging_->copy_out(static_cast<std::byte*>(to), static_cast<const std::byte*>(from), static_cast<size_t>(bytes)),
          "a copy from the GPU");
    check(cudaPeekAtLastError(), "a copy from the GPU");
    started_.clear();
  }
  std::unique_ptr<CopyOut> start_copy_out(const void* from, int64_t bytes) override {
    const auto lock = enter();
    CudaCopies::Slot* slot = nullptr;
    check(copies_->take(static_cast<size_t>(bytes), [this](size_t room) { return taken(static_cast<int64_t>(room)); }, slot),
          "taking memory for a copy from the GPU");
    auto copy = std::make_unique<StartedCopy>(*this, *slot, bytes, started_.count(), copies_started_ + 1);
    check(copies_->start(*slot, from, static_cast<size_t>(bytes)), "starting a copy from the GPU");
    ++copies_started_;
    log_.bytes_out += bytes;
    ++log_.copies_out;
    return copy;
  }
  // Ranges that overlap are moved through memory of their own: cudaMemcpy wants them apart.
  void copy(void* to, const void* from, int64_t bytes) override {
    auto* const target = static_cast<std::byte*>(to);
    const auto* const source = static_cast<const std::byte*>(from);
    if (bytes == 0 || target == source) return;
    if (target < source + bytes && source < target + bytes) {
      void* const between = allocate(bytes);
      copy_apart(between, from, bytes);
      copy_apart(to, between, bytes);
      return release(between);
    }
    copy_apart(to, from, bytes);
  }
  void clear(void* memory, int64_t bytes) override {
    const auto lock = enter();
    check(cudaMemsetAsync(memory, 0, static_cast<size_t>(bytes), stream_.get()), "clearing memory");
  }
  void launch(KernelId id, const Geometry& geometry, const void* arguments) override {
    const char* const row = emulated_launch(id).row;
    check_grid(row, geometry);
    const auto lock = enter();
    ++log_.launches[static_cast<size_t>(id)];
    started_.add(row);
    check(cuda_launch(id)(geometry, arguments, stream_.get()), "a launch");
  }
  int64_t free_bytes() const override {
    const std::lock_guard lock(mutex_);
    size_t free = 0, total = 0;
    if (cudaSetDevice(index_) != cudaSuccess || cudaMemGetInfo(&free, &total) != cudaSuccess) return -1;
    return static_cast<int64_t>(free);
  }
  LaunchLog log() const override {
    const std::lock_guard lock(mutex_);
    return log_;
  }

 private:
  class StartedCopy final : public CopyOut {
   public:
    StartedCopy(CudaDevice& device, CudaCopies::Slot& slot, int64_t bytes, int64_t kernels, int64_t number)
        : device_(device), slot_(slot), bytes_(static_cast<size_t>(bytes)), kernels_(kernels), number_(number) {}
    ~StartedCopy() override { slot_.busy = false; }
    std::span<const std::byte> wait() override {
      if (!here_) device_.wait_for(slot_.done, kernels_, number_);
      here_ = true;
      return {static_cast<const std::byte*>(slot_.pinned), bytes_};
    }

   private:
    CudaDevice& device_;
    CudaCopies::Slot& slot_;
    const size_t bytes_;
    const int64_t kernels_, number_;  // kernels that were started before it; which of the copies it is
    bool here_ = false;
  };

  // Without the lock while it waits, so that other threads start kernels meanwhile.
  void wait_for(cudaEvent_t event, int64_t kernels, int64_t number) {
    {
      const auto lock = enter();
      if (number > waited_for_) ++log_.waits;
      waited_for_ = std::max(waited_for_, number);
    }
    const cudaError_t error = cudaEventSynchronize(event);
    const auto lock = enter();
    check(error, "a copy from the GPU");
    check(cudaPeekAtLastError(), "a copy from the GPU");
    started_.done(kernels);
  }
  void* taken(int64_t bytes) {
    void* memory = nullptr;
    const cudaError_t error = memory_->take(&memory, static_cast<size_t>(bytes > 0 ? bytes : 1));
    if (error == cudaErrorMemoryAllocation) {
      size_t free = 0, total = 0;
      check(cudaMemGetInfo(&free, &total), "asking for the free memory");
      throw out_of_memory(bytes, static_cast<int64_t>(free), static_cast<int64_t>(total));
    }
    check(error, "taking memory");
    return memory;
  }
  // Alone, with this device as the thread's own; not after a failure, whose words are said again.
  std::unique_lock<std::mutex> enter() {
    std::unique_lock lock(mutex_);
    if (!failure_.empty()) throw InternalError(failure_);
    check(cudaSetDevice(index_), "choosing the GPU");
    return lock;
  }
  void check(cudaError_t error, const char* doing) {
    if (error == cudaSuccess) return;
    failure_ = failure_text(doing, words_of(error), started_);
    if (of_the_machine(error)) throw unusable(index_, info_.name, words_of(error) + " at " + doing);
    throw InternalError(failure_);
  }
  void opened(cudaError_t error) const {
    if (error == cudaErrorMemoryAllocation) throw unusable(index_, info_.name, "too little memory is free to begin with");
    if (error != cudaSuccess) throw unusable(index_, info_.name, words_of(error));
  }
  void copy_apart(void* to, const void* from, int64_t bytes) {
    const auto lock = enter();
    check(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToDevice, stream_.get()), "a copy within the GPU");
  }

  const int index_;
  const CudaDeviceInfo info_;
  mutable std::mutex mutex_;
  Stream stream_, out_;  // kernels and copies within and to the GPU; copies from it that were started
  std::unique_ptr<CudaMemory> memory_;
  std::unique_ptr<CudaStaging> staging_;
  std::unique_ptr<CudaCopies> copies_;
  LaunchLog log_;
  int64_t copies_started_ = 0, waited_for_ = 0;
  StartedKernels started_;
  std::string failure_;  // of the first call that failed
};

CudaDeviceInfo info_of(int index) {
  cudaDeviceProp found{};
  if (cudaGetDeviceProperties(&found, index) != cudaSuccess) return {"unknown"};
  return {found.name, found.major, found.minor, static_cast<int64_t>(found.totalGlobalMem)};
}

}  // namespace

CudaStatus cuda_status() {
  CudaStatus status;
  cudaRuntimeGetVersion(&status.runtime);
  if (cudaDriverGetVersion(&status.driver) != cudaSuccess) status.driver = 0;
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) count = 0;
  for (int i = 0; i < count; ++i) status.devices.push_back(info_of(i));
  if (count > 0) status.reason = refusal(status, built_capabilities(), 0);
  else status.reason = reason_for_none(answer_of(error), status.driver, status.runtime, words_of(error));
  cudaGetLastError();  // it was told, and is not to be found again by the next call
  return status;
}

std::vector<Capability> built_capabilities() { return capabilities_of(KVDIFF_CUDA_ARCHITECTURES); }

std::unique_ptr<Device> make_cuda_device(int index) {
  const CudaStatus status = cuda_status();
  require_device(status, built_capabilities(), index);
  return std::make_unique<CudaDevice>(index, status.devices[static_cast<size_t>(index)]);
}

}  // namespace kvdiff::device
