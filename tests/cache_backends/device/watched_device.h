#pragma once
#include <cstring>
#include <new>

#include "cache_backends/device/device.h"
#include "cache_backends/device/launch_table.h"

namespace kvdiff::device::test {

// An emulated device that looks for races, and lets threads and blocks run in an order of the test's choice. Its memory is
// the host's.
class WatchedDevice final : public Device {
 public:
  explicit WatchedDevice(Turns turns, uint64_t seed = 1) : emulator_(Checks::races, turns, seed) {}
  DeviceKind kind() const override { return DeviceKind::emulated; }
  std::string name() const override { return "watched threads"; }
  void* allocate(int64_t bytes) override {
    void* memory = ::operator new(static_cast<size_t>(bytes), std::align_val_t{256});
    return std::memset(memory, 0xff, static_cast<size_t>(bytes));
  }
  void release(void* memory) noexcept override { ::operator delete(memory, std::align_val_t{256}); }
  void copy_in(void* to, const void* from, int64_t bytes) override {
    if (bytes > 0) std::memcpy(to, from, static_cast<size_t>(bytes));
  }
  void copy_out(void* to, const void* from, int64_t bytes) override { copy_in(to, from, bytes); }
  std::unique_ptr<CopyOut> start_copy_out(const void* from, int64_t bytes) override {
    struct Bytes final : CopyOut {
      std::vector<std::byte> all;
      std::span<const std::byte> wait() override { return all; }
    };
    auto copy = std::make_unique<Bytes>();
    copy->all.assign(static_cast<const std::byte*>(from), static_cast<const std::byte*>(from) + bytes);
    return copy;
  }
  void copy(void* to, const void* from, int64_t bytes) override { std::memmove(to, from, static_cast<size_t>(bytes)); }
  void clear(void* memory, int64_t bytes) override { std::memset(memory, 0, static_cast<size_t>(bytes)); }
  void launch(KernelId id, const Geometry& geometry, const void* arguments) override {
    ++log_.launches[static_cast<size_t>(id)];
    emulated_launch(id).run(emulator_, geometry, arguments);
  }
  LaunchLog log() const override { return log_; }

 private:
  Emulator emulator_;
  LaunchLog log_;
};

}  // namespace kvdiff::device::test
