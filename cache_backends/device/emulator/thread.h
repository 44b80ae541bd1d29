#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <type_traits>

#include "cache_backends/device/emulator/emulator.h"

// thread.h on the host: every access is checked.
namespace kvdiff::device {
inline namespace on_host {

class Thread;
inline thread_local Thread* running_thread = nullptr;  // the emulated one

[[noreturn]] void out_of_bounds(int64_t index, int64_t count);
[[noreturn]] void misaligned(const void* address, int64_t wanted);
void note_read(const void* element);   // where races are looked for
void note_write(const void* element);

// An element that may be written: what operator[] of a Span gives.
template <class T>
class Element {
 public:
  explicit Element(T* at) : at_(at) {}
  operator T() const {  // NOLINT: stands for a T&
    note_read(at_);
    return *at_;
  }
  const Element& operator=(T value) const {
    note_write(at_);
    *at_ = value;
    return *this;
  }
  const Element& operator=(const Element& other) const { return *this = static_cast<T>(other); }
  const Element& operator+=(T value) const { return *this = static_cast<T>(static_cast<T>(*this) + value); }
  const Element& operator*=(T value) const { return *this = static_cast<T>(static_cast<T>(*this) * value); }

 private:
  T* at_;
};

template <class T>
class Span {
 public:
  Span() = default;
  Span(T* data, int64_t count) : data_(data), count_(count) {}
  int64_t size() const { return count_; }
  T* data() const { return data_; }
  auto operator[](int64_t index) const {
    if (index < 0 || index >= count_) out_of_bounds(index, count_);
    if constexpr (std::is_const_v<T>) {
      note_read(data_ + index);
      return data_[index];
    } else {
      return Element<T>(data_ + index);
    }
  }

 private:
  T* data_ = nullptr;
  int64_t count_ = 0;
};

struct Four {
  float value[4];
};
// Sixteen bytes in one access: the address must be a multiple of sixteen.
inline Four load_four(const Span<const float>& from, int64_t index) {
  if (index < 0 || index + 4 > from.size()) out_of_bounds(index + 3, from.size());
  if (reinterpret_cast<uintptr_t>(from.data() + index) % 16 != 0) misaligned(from.data() + index, 16);
  Four four;
  for (int i = 0; i < 4; ++i) four.value[i] = from[index + i];
  return four;
}

template <class T>
class Shared;

// One element of shared memory.
template <class T>
class SharedElement {
 public:
  SharedElement(Thread& thread, int64_t byte) : thread_(thread), byte_(byte) {}
  operator T() const;  // NOLINT: stands for a T&
  const SharedElement& operator=(T value) const;
  const SharedElement& operator=(const SharedElement& other) const { return *this = static_cast<T>(other); }
  const SharedElement& operator+=(T value) const { return *this = static_cast<T>(static_cast<T>(*this) + value); }

 private:
  Thread& thread_;
  int64_t byte_;
};

template <class T>
class Shared {
  static_assert(sizeof(T) % 4 == 0, "shared memory is watched by words of 4 bytes");

 public:
  Shared(Thread& thread, int64_t byte, int64_t count) : thread_(thread), byte_(byte), count_(count) {}
  SharedElement<T> operator[](int64_t index) const {
    if (index < 0 || index >= count_) out_of_bounds(index, count_);
    return {thread_, byte_ + index * static_cast<int64_t>(sizeof(T))};
  }

 private:
  Thread& thread_;
  int64_t byte_, count_;
};

class Thread {
 public:
  using Where = std::source_location;
  Thread(Emulator& emulator, int64_t block, int index, Fiber* fiber)
      : emulator_(emulator), block_(block), index_(index), fiber_(fiber) {}

  int index() const { return index_; }
  int width() const;
  int64_t block() const;    // blockIdx.x
  int64_t block_y() const;
  int64_t global() const { return block() * width() + index_; }
  int lane() const { return index_ % 32; }

  void barrier(Where where = Where::current());
  // Of all 32 lanes of the warp, or of those that there are in the last one.
  template <class T>
  T shuffle(T value, int from, Where where = Where::current()) {
    return from_bits<T>(exchange(to_bits(value), from, where));
  }
  template <class T>
  T shuffle_down(T value, int by, Where where = Where::current()) {
    const int from = lane() + by;
    return from_bits<T>(exchange(to_bits(value), from < 32 ? from : lane(), where));
  }
  uint32_t ballot(bool vote, Where where = Where::current());
  bool any(bool vote, Where where = Where::current()) { return ballot(vote, where) != 0; }

  template <class T>
  Shared<T> shared(int64_t byte_offset, int64_t count) {
    check_shared(byte_offset, count * static_cast<int64_t>(sizeof(T)), alignof(T));
    return {*this, byte_offset, count};
  }
  void atomic_add(const Span<uint64_t>& to, int64_t index, uint64_t value) { *atomic(to, index) += value; }
  void atomic_or(const Span<uint32_t>& to, int64_t index, uint32_t value) { *atomic(to, index) |= value; }
  void atomic_min(const Span<uint64_t>& to, int64_t index, uint64_t value) {
    if (uint64_t* at = atomic(to, index); value < *at) *at = value;
  }
  void atomic_max(const Span<uint64_t>& to, int64_t index, uint64_t value) {
    if (uint64_t* at = atomic(to, index); value > *at) *at = value;
  }

  // For SharedElement and Element.
  void read_shared(int64_t byte, void* to, int64_t size);
  void write_shared(int64_t byte, const void* from, int64_t size);
  void read(const void* element);
  void write(const void* element);

  // What the emulator lets it wait for.
  enum class Stop { none, barrier, warp };
  struct Stopped {
    Stop reason = Stop::none;
    Where where;                    // of the barrier or the warp operation
    uint64_t given = 0, taken = 0;  // of a warp operation
    int from = 0;                   // whose `given` it takes; -1: a bit of each lane
  };
  Stopped stopped;

 private:
  template <class T>
  static uint64_t to_bits(T value) {
    static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>);
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    return bits;
  }
  template <class T>
  static T from_bits(uint64_t bits) {
    T value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  template <class T>
  static T* atomic(const Span<T>& to, int64_t index) {
    if (index < 0 || index >= to.size()) out_of_bounds(index, to.size());
    return to.data() + index;
  }
  uint64_t exchange(uint64_t bits, int lane, Where where);
  void wait(Stop reason, Where where);
  void check_shared(int64_t byte, int64_t bytes, size_t alignment) const;
  Who who() const;

  Emulator& emulator_;
  int64_t block_;
  int index_;
  Fiber* fiber_;
};

template <class T>
SharedElement<T>::operator T() const {
  T value;
  thread_.read_shared(byte_, &value, sizeof value);
  return value;
}

template <class T>
const SharedElement<T>& SharedElement<T>::operator=(T value) const {
  thread_.write_shared(byte_, &value, sizeof value);
  return *this;
}

}  // namespace on_host
}  // namespace kvdiff::device
