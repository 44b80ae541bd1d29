#pragma once
#include "cache_backends/device/kernels/format.cuh"
#include "cache_backends/device/kernels/rows.cuh"

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// Tokens [source, source + count) of values [rows, n, head_size] into the places [first, first + count) of a full precision
// store [rows, capacity, head_size]: storage.h's store().
struct Store : EachElement<Store> {
  struct Arguments {
    Span<const float> values;
    Span<uint16_t> narrow;  // float16, bfloat16
    Span<float> wide;       // float32
    Dtype dtype;
    int64_t rows, head_size, n, source, capacity, first, count;
  };
  static constexpr const char* name = "store";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.rows * a.count * a.head_size; }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t i) {
    const int64_t d = i % a.head_size, t = i / a.head_size % a.count, row = i / a.head_size / a.count;
    const float value = a.values[(row * a.n + a.source + t) * a.head_size + d];
    const int64_t to = (row * a.capacity + a.first + t) * a.head_size + d;
    if (a.dtype == Dtype::float32) a.wide[to] = value;
    else a.narrow[to] = a.dtype == Dtype::float16 ? float16_bits(value) : bfloat16_bits(value);
  }
};

// differs[0] becomes 1 where two stretches of floats are not the same bits.
struct SameBits : EachElement<SameBits> {
  struct Arguments {
    Span<const float> left, right;
    Span<uint32_t> differs;
  };
  static constexpr const char* name = "same_bits";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.left.size(); }
  static KVDIFF_DEVICE void run(const Arguments& a, Thread& thread) {
    const int64_t i = thread.global();
    if (i < a.left.size() && bits_of(a.left[i]) != bits_of(a.right[i])) thread.atomic_or(a.differs, 0, 1);
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
