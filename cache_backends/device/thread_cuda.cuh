#pragma once
#include <cstdint>

// thread.h on the GPU: plain pointers and the machine's own instructions.
namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

template <class T>
class Span {
 public:
  Span() = default;
  KVDIFF_SHARED_CODE Span(T* data, int64_t count) : data_(data), count_(count) {}
  KVDIFF_SHARED_CODE int64_t size() const { return count_; }
  KVDIFF_SHARED_CODE T* data() const { return data_; }
  KVDIFF_DEVICE T& operator[](int64_t index) const { return data_[index]; }

 private:
  T* data_ = nullptr;
  int64_t count_ = 0;
};

template <class T>
class Shared {
 public:
  KVDIFF_DEVICE explicit Shared(T* data) : data_(data) {}
  KVDIFF_DEVICE T& operator[](int64_t index) const { return data_[index]; }

 private:
  T* data_;
};

struct Four {
  float value[4];
};
KVDIFF_DEVICE Four load_four(const Span<const float>& from, int64_t index) {
  const float4 loaded = *reinterpret_cast<const float4*>(from.data() + index);
  return {{loaded.x, loaded.y, loaded.z, loaded.w}};
}

class Thread {
 public:
  KVDIFF_DEVICE int index() const { return static_cast<int>(threadIdx.x); }
  KVDIFF_DEVICE int width() const { return static_cast<int>(blockDim.x); }
  KVDIFF_DEVICE int64_t block() const { return blockIdx.x; }
  KVDIFF_DEVICE int64_t block_y() const { return blockIdx.y; }
  KVDIFF_DEVICE int64_t global() const { return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }
  KVDIFF_DEVICE int lane() const { return index() % 32; }
  KVDIFF_DEVICE void barrier() { __syncthreads(); }
  template <class T>
  KVDIFF_DEVICE T shuffle(T value, int from) { return __shfl_sync(0xffffffffu, value, from); }
  template <class T>
  KVDIFF_DEVICE T shuffle_down(T value, int by) { return __shfl_down_sync(0xffffffffu, value, by); }
  KVDIFF_DEVICE uint32_t ballot(bool vote) { return __ballot_sync(0xffffffffu, vote); }
  KVDIFF_DEVICE bool any(bool vote) { return ballot(vote) != 0; }
  template <class T>
  KVDIFF_DEVICE Shared<T> shared(int64_t byte_offset, int64_t) {
    extern __shared__ __align__(16) unsigned char block_memory[];
    return Shared<T>(reinterpret_cast<T*>(block_memory + byte_offset));
  }
  KVDIFF_DEVICE void atomic_add(const Span<uint64_t>& to, int64_t index, uint64_t value) {
    atomicAdd(reinterpret_cast<unsigned long long*>(to.data() + index), static_cast<unsigned long long>(value));
  }
  KVDIFF_DEVICE void atomic_or(const Span<uint32_t>& to, int64_t index, uint32_t value) { atomicOr(to.data() + index, value); }
  KVDIFF_DEVICE void atomic_min(const Span<uint64_t>& to, int64_t index, uint64_t value) {
    atomicMin(reinterpret_cast<unsigned long long*>(to.data() + index), static_cast<unsigned long long>(value));
  }
  KVDIFF_DEVICE void atomic_max(const Span<uint64_t>& to, int64_t index, uint64_t value) {
    atomicMax(reinterpret_cast<unsigned long long*>(to.data() + index), static_cast<unsigned long long>(value));
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
