#pragma once
#include "cache_backends/device/kernels/number.cuh"

// How a block of threads comes to one value: what has an order is added in it, what has none is joined in a tree.
namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

KVDIFF_DEVICE bool is_finite(float x) { return (bits_of(x) & 0x7f800000u) != 0x7f800000u; }

// Rows that are short need few threads.
constexpr int most_threads_of_row = 256;
constexpr int threads_for(int64_t columns) { return columns > 1024 ? most_threads_of_row : 64; }

// Joins a value of each thread; all threads get the result. T::join takes in another's value: any order must give the same
// bits. Uses width values of shared memory from byte 0 on, whatever was there before.
template <class T>
KVDIFF_DEVICE T joined_of_block(Thread& thread, T mine) {
  const int width = thread.width(), index = thread.index();
  Shared<T> all = thread.template shared<T>(0, width);
  thread.barrier();
  all[index] = mine;
  for (int half = width / 2; half > 0; half /= 2) {
    thread.barrier();
    if (index >= half) continue;
    mine.join(static_cast<T>(all[index + half]));
    all[index] = mine;
  }
  thread.barrier();
  return all[0];
}

// The written order of harness/metrics/kernels/row_kernels.h: element i goes to accumulator i mod 8, the eight are joined as
// ((a0 + a4) + (a2 + a6)) + ((a1 + a5) + (a3 + a7)). Several sums at once, a thread for each of their accumulators; their
// terms come through shared memory in tiles, made by all threads.
template <int sums>
struct OrderedSums {
  static constexpr int accumulators = 8;
  static constexpr int64_t tile = 512, stride = tile + accumulators;  // apart by half of the banks
  static constexpr int64_t shared_bytes = sums * stride * 8;
  double mine = 0;

  KVDIFF_DEVICE static Shared<double> terms(Thread& thread) { return thread.shared<double>(0, sums * stride); }

  // The next `count` terms of each sum; count is at most a tile, and a multiple of 8 but for the last.
  KVDIFF_DEVICE void add(Thread& thread, int64_t count) {
    const Shared<double> all = terms(thread);
    if (thread.index() >= sums * accumulators) return;
    const int64_t first = thread.index() / accumulators * stride;
    for (int64_t i = thread.index() % accumulators; i < count; i += accumulators) mine = mine + static_cast<double>(all[first + i]);
  }

  // Then total[s] of shared memory, which all may read.
  KVDIFF_DEVICE Shared<double> totals(Thread& thread) {
    KVDIFF_UNROLL
    for (int apart = accumulators / 2; apart > 0; apart /= 2) mine = mine + thread.shuffle_down(mine, apart);
    Shared<double> total = thread.shared<double>(0, sums);
    thread.barrier();
    if (thread.index() < sums * accumulators && thread.index() % accumulators == 0) total[thread.index() / accumulators] = mine;
    thread.barrier();
    return total;
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
