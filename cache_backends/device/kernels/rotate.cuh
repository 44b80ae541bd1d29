#pragma once
#include "cache_backends/device/kernels/number.cuh"

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// The Hadamard rotation of cache_backends/rotation.h: log2(block) passes of (a + b, a - b), then one product; rounded to the
// dtype, which for float32 is nothing. `to` may be `from`. Each block of threads keeps a part of the values in shared memory,
// whole blocks of channels.
struct Rotate {
  struct Arguments {
    Span<const float> from;  // whole blocks of channels
    Span<float> to;
    int64_t block;           // a power of two, at most 8192
    float weight;            // rotation_weight(block)
    Dtype dtype;
  };
  static constexpr const char* name = "rotate";
  static constexpr int width = 64;
  static constexpr bool cooperates = true;
  static constexpr int64_t part = 1024;  // values, if the block is no larger
  static Geometry geometry(const Arguments& a) { return {blocks_for(a.to.size(), part_of(a)), 1, width, part_of(a) * 4}; }

  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    const int64_t first = thread.block() * part_of(a), left = a.to.size() - first, count = left < part_of(a) ? left : part_of(a);
    Shared<float> values = thread.shared<float>(0, part_of(a));
    for (int64_t i = thread.index(); i < count; i += width) values[i] = a.from[first + i];
    for (int64_t apart = 1; apart < a.block; apart *= 2) {
      thread.barrier();
      for (int64_t pair = thread.index(); pair < count / 2; pair += width) butterfly(values, pair, apart);
    }
    thread.barrier();
    for (int64_t i = thread.index(); i < count; i += width) a.to[first + i] = rounded(a.dtype, values[i] * a.weight);
  }

 private:
  KVDIFF_SHARED_CODE static int64_t part_of(const Arguments& a) { return a.block > part ? a.block : part; }
  KVDIFF_DEVICE static void butterfly(const Shared<float>& values, int64_t pair, int64_t apart) {
    const int64_t at = 2 * pair - (pair & (apart - 1));  // pair / apart * 2 * apart + pair % apart
    const float a = values[at], b = values[at + apart];
    values[at] = a + b;
    values[at + apart] = a - b;
  }
};

inline float rotation_weight(int64_t block) { return static_cast<float>(1.0 / std::sqrt(static_cast<double>(block))); }

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
