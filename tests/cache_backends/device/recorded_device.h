#pragma once
#include <mutex>
#include <utility>

#include "cache_backends/device/device.h"

namespace kvdiff::test {

// Another device, and a record of the order in which its kernels and its copies out were started and waited for.
class RecordedDevice final : public device::Device {
 public:
  enum class Did { launch, start, wait, copy_out };
  struct Event {
    Did did;
    int64_t copy = 0;   // which of the started copies, from 1
    int64_t bytes = 0;  // of a copy
  };

  explicit RecordedDevice(std::unique_ptr<Device> device) : device_(std::move(device)) {}
  std::vector<Event> events() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }

  device::DeviceKind kind() const override { return device_->kind(); }
  std::string name() const override { return device_->name(); }
  void* allocate(int64_t bytes) override { return device_->allocate(bytes); }
  void release(void* memory) noexcept override { device_->release(memory); }
  void copy_in(void* to, const void* from, int64_t bytes) override { device_->copy_in(to, from, bytes); }
  void copy_out(void* to, const void* from, int64_t bytes) override {
    add({Did::copy_out, 0, bytes});
    device_->copy_out(to, from, bytes);
  }
  std::unique_ptr<device::CopyOut> start_copy_out(const void* from, int64_t bytes) override {
    const int64_t number = add({Did::start, -1, bytes});
    return std::make_unique<Copy>(*this, number, bytes, device_->start_copy_out(from, bytes));
  }
  void copy(void* to, const void* from, int64_t bytes) override { device_->copy(to, from, bytes); }
  void clear(void* memory, int64_t bytes) override { device_->clear(memory, bytes); }
  void launch(device::KernelId id, const device::Geometry& geometry, const void* arguments) override {
    add({Did::launch});
    device_->launch(id, geometry, arguments);
  }
  device::LaunchLog log() const override { return device_->log(); }
  int64_t free_bytes() const override { return device_->free_bytes(); }

 private:
  class Copy final : public device::CopyOut {
   public:
    Copy(RecordedDevice& record, int64_t number, int64_t bytes, std::unique_ptr<device::CopyOut> copy)
        : record_(record), number_(number), bytes_(bytes), copy_(std::move(copy)) {}
    std::span<const std::byte> wait() override {
      record_.add({Did::wait, number_, bytes_});
      return copy_->wait();
    }

   private:
    RecordedDevice& record_;
    int64_t number_, bytes_;
    std::unique_ptr<device::CopyOut> copy_;
  };
  int64_t add(Event event) {
    const std::lock_guard lock(mutex_);
    if (event.copy < 0) event.copy = ++started_;
    events_.push_back(event);
    return event.copy;
  }

  std::unique_ptr<Device> device_;
  mutable std::mutex mutex_;
  std::vector<Event> events_;
  int64_t started_ = 0;
};

}  // namespace kvdiff::test
