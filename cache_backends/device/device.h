#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cache_backends/device/geometry.h"
#include "cache_backends/device/kernels/list.h"

namespace kvdiff::device {

enum class DeviceKind { emulated, cuda };

// How often each kernel of list.h was started, and what went over the bus.
struct LaunchLog {
  std::array<int64_t, static_cast<size_t>(KernelId::count)> launches{};
  int64_t bytes_in = 0, bytes_out = 0;
  int64_t copies_out = 0;  // waited for at once, or started
  int64_t waits = 0;       // how often the host had to wait for a copy; one that an earlier wait has shown to be done costs none
};

// Bytes on their way to the host. The device outlives it. It may be dropped before they came.
class CopyOut {
 public:
  virtual ~CopyOut() = default;
  // Returns when they are there; this owns them. Throws what copy_out throws. One thread at a time.
  virtual std::span<const std::byte> wait() = 0;
};

// A machine with memory and kernels of its own. What lies in its memory is read and written by its kernels and by these
// copies alone: the host that follows such a pointer ends on the emulated device, as it would on a GPU.
// Launches and copies happen in the order in which they are asked for; copy_out waits for all before it. A copy that is started
// brings what `from` holds after all that was asked for before it; `from` may be written to and released as soon as this
// returns, for the device keeps the bytes aside until they are out. Meanwhile it goes on with what is asked for next.
// Copies end in the order in which they were started. Safe from several threads.
class Device {
 public:
  virtual ~Device() = default;
  virtual DeviceKind kind() const = 0;
  virtual std::string name() const = 0;
  // Aligned to 256 bytes, content undefined (NaN on the emulated device). Throws UserError(environment) where there is too little.
  virtual void* allocate(int64_t bytes) = 0;
  virtual void release(void* memory) noexcept = 0;
  virtual void copy_in(void* to, const void* from, int64_t bytes) = 0;
  virtual void copy_out(void* to, const void* from, int64_t bytes) = 0;
  virtual std::unique_ptr<CopyOut> start_copy_out(const void* from, int64_t bytes) = 0;
  virtual void copy(void* to, const void* from, int64_t bytes) = 0;  // within the device
  virtual void clear(void* memory, int64_t bytes) = 0;               // to zero
  virtual void launch(KernelId id, const Geometry& geometry, const void* arguments) = 0;
  virtual LaunchLog log() const = 0;
  virtual int64_t free_bytes() const { return -1; }  // -1: as much as the host has
};

// Runs every kernel in the emulator. Its memory is one range of addresses that the host cannot touch between launches: a
// stray access of the host's ends the program there.
std::unique_ptr<Device> make_emulated_device();

}  // namespace kvdiff::device
