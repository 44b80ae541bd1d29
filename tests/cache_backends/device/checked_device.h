#pragma once
#include <cstdlib>
#include <cstring>

#include "cache_backends/device/device.h"
#include "cache_backends/device/launch_table.h"

namespace kvdiff::test {

// A device on plain memory that looks for races, and lets the threads take turns as it is told.
class CheckedDevice final : public device::Device {
 public:
  explicit CheckedDevice(device::Turns turns) : emulator_(device::Checks::races, turns, 11) {}
  device::DeviceKind kind() const override { return device::DeviceKind::emulated; }
  std::string name() const override { return "checked threads"; }
  void* allocate(int64_t bytes) override {
    const size_t room = (static_cast<size_t>(bytes) + 255) / 256 * 256;
    void* memory = std::aligned_alloc(256, room);
    std::memset(memory, 0xff, room);
    return memory;
  }
  void release(void* memory) noexcept override { std::free(memory); }
  void copy_in(void* to, const void* from, int64_t bytes) override { copy(to, from, bytes); }
  void copy_out(void* to, const void* from, int64_t bytes) override { copy(to, from, bytes); }
  void copy(void* to, const void* from, int64_t bytes) override { std::memmove(to, from, static_cast<size_t>(bytes)); }
  void clear(void* memory, int64_t bytes) override { std::memset(memory, 0, static_cast<size_t>(bytes)); }
  void launch(device::KernelId id, const device::Geometry& geometry, const void* arguments) override {
    ++log_.launches[static_cast<size_t>(id)];
    device::emulated_launch(id).run(emulator_, geometry, arguments);
  }
  device::LaunchLog log() const override { return log_; }

 private:
  device::Emulator emulator_;
  device::LaunchLog log_;
};

}  // namespace kvdiff::test
