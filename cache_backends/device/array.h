#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "cache_backends/device/device.h"

namespace kvdiff::device {

// Elements on their way from an array to the host.
template <class T>
class Reading {
 public:
  Reading() = default;
  explicit Reading(std::unique_ptr<CopyOut> copy) : copy_(std::move(copy)) {}
  // Waits until they are there; this owns them. None, where none were asked for.
  std::span<const T> wait() const {
    if (!copy_) return {};
    const std::span<const std::byte> bytes = copy_->wait();
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }

 private:
  std::unique_ptr<CopyOut> copy_;
};

// Elements in the memory of a device, owned. Not zeroed.
template <class T>
class Array {
 public:
  Array() = default;
  Array(Device& device, int64_t count)
      : device_(&device), data_(static_cast<T*>(count > 0 ? device.allocate(count * bytes_each) : nullptr)), count_(count) {}
  Array(Device& device, std::span<const T> from) : Array(device, static_cast<int64_t>(from.size())) { set(from); }
  Array(Array&& other) noexcept
      : device_(other.device_), data_(std::exchange(other.data_, nullptr)), count_(std::exchange(other.count_, 0)) {}
  Array& operator=(Array&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    return *this;
  }
  ~Array() {
    if (data_) device_->release(data_);
  }

  T* data() const { return data_; }
  int64_t size() const { return count_; }
  int64_t bytes() const { return count_ * bytes_each; }
  std::span<T> span() const { return {data_, static_cast<size_t>(count_)}; }  // of addresses: not for the host to follow
  // Room for `count` elements; what it held may be lost.
  void resize(Device& device, int64_t count) {
    if (count > count_ || count < count_ / 4) *this = Array(device, count);
  }
  void set(std::span<const T> from) const {
    if (!from.empty()) device_->copy_in(data_, from.data(), static_cast<int64_t>(from.size_bytes()));
  }
  std::vector<T> read() const { return read(0, count_); }
  std::vector<T> read(int64_t first, int64_t count) const {
    std::vector<T> out(static_cast<size_t>(count));
    if (count > 0) device_->copy_out(out.data(), data_ + first, count * bytes_each);
    return out;
  }
  // Brings them without waiting; the array may change, or go, as soon as this returns.
  Reading<T> start_read() const { return start_read(0, count_); }
  Reading<T> start_read(int64_t first, int64_t count) const {
    return count > 0 ? Reading<T>(device_->start_copy_out(data_ + first, count * bytes_each)) : Reading<T>();
  }
  // Another array with the same elements.
  Array copy() const {
    if (count_ == 0) return {};
    Array other(*device_, count_);
    device_->copy(other.data_, data_, bytes());
    return other;
  }

 private:
  static constexpr int64_t bytes_each = static_cast<int64_t>(sizeof(T));
  Device* device_ = nullptr;
  T* data_ = nullptr;
  int64_t count_ = 0;
};

}  // namespace kvdiff::device
