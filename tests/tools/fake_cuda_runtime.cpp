// CUDA's runtime and the launch table, on the host: one GPU whose kernels run in the emulator. As late as a GPU may be: nothing
// that was asked for on a stream is done before somebody waits for it or for another stream that waits for it, and then no more
// than was waited for; memory that is given back is taken again at once, and what a kernel does wrong shows at the next wait and
// never goes away. So the host's side of CUDA (cuda_device.cpp) is tried
// without a GPU: kvdiff_cuda_host_tests. It says nothing of a real driver.
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "cache_backends/device/cuda_launch.h"
#include "cache_backends/device/launch.h"
#include "cache_backends/device/launch_table.h"
#include "tests/tools/fake_cuda.h"

struct CUstream_st {
  std::deque<std::function<void()>> queue;
};
struct CUevent_st {
  int64_t asked = 0, reached = 0;  // how often it was recorded
  cudaStream_t stream = nullptr;   // where, last
};

namespace {

using namespace kvdiff::device;

constexpr size_t range_bytes = size_t{1} << 36, total_memory = size_t{2} << 30;

class Gpu {
 public:
  static Gpu& get() {
    static Gpu gpu;
    return gpu;
  }
  cudaError_t ask(cudaStream_t stream, std::function<void()> what) {
    const std::lock_guard lock(mutex_);
    if (error_ == cudaSuccess) known(stream).queue.push_back(std::move(what));
    return error_;
  }
  // Works on that stream until `until` is met, or all is done.
  cudaError_t wait(cudaStream_t stream, const std::function<bool()>& until) {
    const std::lock_guard lock(mutex_);
    work(known(stream), until);
    return error_;
  }
  cudaError_t record(cudaEvent_t event, cudaStream_t stream) {
    event->stream = stream;
    return ask(stream, [event, number = ++event->asked] { event->reached = number; });
  }
  // What comes next on the stream waits for the event as it was recorded last.
  cudaError_t wait_on_stream(cudaStream_t stream, cudaEvent_t event) {
    if (forgets_waits_) return cudaSuccess;
    return ask(stream, [this, event, number = event->asked, recorded = event->stream] {
      work(known(recorded), [&] { return event->reached >= number; });
    });
  }
  cudaStream_t open_stream() {
    const std::lock_guard lock(mutex_);
    streams_.push_back(std::make_unique<CUstream_st>());
    return streams_.back().get();
  }
  void forget_waits(bool forget) { forgets_waits_ = forget; }
  cudaError_t take(void** memory, size_t bytes, cudaStream_t stream) {
    const size_t room = (bytes + 255) / 256 * 256;
    {
      const std::lock_guard lock(mutex_);
      if (error_ != cudaSuccess) return error_;
      if (used_ + room > total_memory) return last_ = cudaErrorMemoryAllocation;
      auto& free = free_[room];
      if (free.empty()) {
        free.push_back(end_);
        end_ += room;
      }
      *memory = start_ + free.back();
      free.pop_back();
      used_ += room;
      sizes_[*memory] = room;
    }
    return ask(stream, [at = *memory, room] { std::memset(at, 0xff, room); });
  }
  void give_back(void* memory) {
    const std::lock_guard lock(mutex_);
    const size_t room = sizes_.at(memory);
    used_ -= room;
    free_[room].push_back(static_cast<size_t>(static_cast<std::byte*>(memory) - start_));
  }
  size_t used() const { return used_; }
  cudaError_t error() const { return error_; }
  // Of the last call, and forgotten when asked for, unless it never goes away.
  cudaError_t take_last() { return error_ != cudaSuccess ? error_ : std::exchange(last_, cudaSuccess); }
  cudaError_t last() const { return error_ != cudaSuccess ? error_ : last_; }
  void reset() {
    const std::lock_guard lock(mutex_);
    if (error_ != cudaSuccess)
      for (const auto& stream : streams_) stream->queue.clear();
    error_ = last_ = cudaSuccess;
  }
  Emulator& emulator() { return emulator_; }

 private:
  Gpu() : start_(static_cast<std::byte*>(mmap(nullptr, range_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {
    streams_.push_back(std::make_unique<CUstream_st>());  // the default one
  }
  CUstream_st& known(cudaStream_t stream) { return stream ? *stream : *streams_.front(); }
  void work(CUstream_st& stream, const std::function<bool()>& until) {
    while (error_ == cudaSuccess && !stream.queue.empty() && !until()) {
      const std::function<void()> next = std::move(stream.queue.front());
      stream.queue.pop_front();
      try {
        next();
      } catch (const KernelFault&) {
        error_ = cudaErrorIllegalAddress;
      }
    }
  }

  std::mutex mutex_;
  std::byte* start_;
  size_t end_ = 0, used_ = 0;
  std::map<size_t, std::vector<size_t>> free_;
  std::map<void*, size_t> sizes_;
  std::vector<std::unique_ptr<CUstream_st>> streams_;
  bool forgets_waits_ = false;
  Emulator emulator_;
  cudaError_t error_ = cudaSuccess, last_ = cudaSuccess;
};

template <class Kernel>
cudaError_t start(const Geometry& geometry, const void* arguments, cudaStream_t stream) {
  const auto copy = *static_cast<const typename Kernel::Arguments*>(arguments);
  return Gpu::get().ask(stream, [geometry, copy] { emulated_launch(id_of<Kernel>()).run(Gpu::get().emulator(), geometry, &copy); });
}

#define KVDIFF_ROW(Kernel) start<Kernel>,
constexpr CudaStart rows[] = {KVDIFF_KERNELS(KVDIFF_ROW)};
#undef KVDIFF_ROW

}  // namespace

namespace kvdiff::device {
CudaStart cuda_launch(KernelId id) { return rows[static_cast<size_t>(id)]; }
}  // namespace kvdiff::device

namespace kvdiff::test {
void forget_stream_waits(bool forget) { Gpu::get().forget_waits(forget); }
}  // namespace kvdiff::test

extern "C" {

cudaError_t cudaDriverGetVersion(int* version) { return *version = 13000, cudaSuccess; }
cudaError_t cudaRuntimeGetVersion(int* version) { return *version = 13000, cudaSuccess; }
cudaError_t cudaGetDeviceCount(int* count) { return *count = 1, cudaSuccess; }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* found, int) {
  std::strcpy(found->name, "emulated GPU");
  found->major = 9;
  found->totalGlobalMem = total_memory;
  return cudaSuccess;
}
const char* cudaGetErrorName(cudaError_t error) { return error == cudaErrorIllegalAddress ? "cudaErrorIllegalAddress" : "other"; }
const char* cudaGetErrorString(cudaError_t) { return "as the emulated GPU says"; }
cudaError_t cudaGetLastError() { return Gpu::get().take_last(); }
cudaError_t cudaPeekAtLastError() { return Gpu::get().last(); }
cudaError_t cudaSetDevice(int) { return cudaSuccess; }
// A new device on the same GPU: as a new process would find it.
cudaError_t cudaFree(void* memory) {
  if (!memory) Gpu::get().reset();
  else Gpu::get().give_back(memory);
  return cudaSuccess;
}
cudaError_t cudaMalloc(void** memory, size_t bytes) { return Gpu::get().take(memory, bytes, nullptr); }
cudaError_t cudaMallocAsync(void** memory, size_t bytes, cudaStream_t stream) { return Gpu::get().take(memory, bytes, stream); }
cudaError_t cudaFreeAsync(void* memory, cudaStream_t) { return Gpu::get().give_back(memory), cudaSuccess; }
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  *free = total_memory - Gpu::get().used();
  *total = total_memory;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) { return *value = 1, cudaSuccess; }
cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int) {
  static int some;
  return *pool = reinterpret_cast<cudaMemPool_t>(&some), cudaSuccess;
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) { return cudaSuccess; }
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, size_t) { return cudaSuccess; }
cudaError_t cudaMallocHost(void** memory, size_t bytes) { return *memory = std::malloc(bytes), cudaSuccess; }
cudaError_t cudaFreeHost(void* memory) { return std::free(memory), cudaSuccess; }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  return *stream = Gpu::get().open_stream(), cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t) { return cudaSuccess; }
cudaError_t cudaStreamSynchronize(cudaStream_t stream) { return Gpu::get().wait(stream, [] { return false; }); }
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) { return Gpu::get().wait_on_stream(stream, event); }
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) { return *event = new CUevent_st, cudaSuccess; }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) { return Gpu::get().record(event, stream); }
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return Gpu::get().wait(event->stream, [event] { return event->reached == event->asked; });
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  return Gpu::get().ask(stream, [=] { std::memcpy(to, from, bytes); });
}
cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t stream) {
  return Gpu::get().ask(stream, [=] { std::memset(memory, value, bytes); });
}

}  // extern "C"
