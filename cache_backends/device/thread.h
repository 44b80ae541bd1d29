#pragma once
// What a kernel sees of the machine: its Thread, Span (memory of the device) and Shared (memory of the block). A kernel is a
// struct in a .cuh file:
//
//   struct Scale {
//     struct Arguments { Span<float> values; float by; };                      // trivially copyable
//     static constexpr const char* name = "scale";
//     static constexpr int width = 128;                                        // threads of a block
//     static constexpr bool cooperates = false;                                // true: it has barriers, shuffles or votes
//     static Geometry geometry(const Arguments& a) { return {blocks_for(a.values.size(), width), 1, width, 0}; }
//     KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
//       const int64_t i = thread.global();
//       if (i < a.values.size()) a.values[i] = a.values[i] * a.by;
//     }
//   };
//
// On the host every access is checked (emulator/), on the GPU none is.
#include "cache_backends/device/geometry.h"
#include "cache_backends/device/target.h"

#ifdef __CUDACC__
#include "cache_backends/device/thread_cuda.cuh"
#else
#include "cache_backends/device/emulator/thread.h"
#endif
