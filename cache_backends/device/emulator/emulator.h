#pragma once
#include <functional>
#include <source_location>
#include <string>
#include <vector>

#include "cache_backends/device/emulator/fiber.h"
#include "cache_backends/device/emulator/watch.h"
#include "cache_backends/device/geometry.h"

namespace kvdiff::device {

// In which order the threads of a block, and the blocks of a launch, take their turns. A sound kernel gives the same bits in
// all of them.
enum class Turns { forward, reverse, random };

enum class Checks {
  bounds,  // every index, every alignment, and barriers
  races    // and every access to memory, shared or the device's, against those of other threads
};

inline namespace on_host {
class Thread;
}

// Runs kernels, one block after another, each thread a fiber where the kernel has barriers. Throws KernelFault for whatever a
// kernel may not do. One emulator is used by one thread of the host at a time.
class Emulator {
 public:
  explicit Emulator(Checks checks = Checks::bounds, Turns turns = Turns::forward, uint64_t seed = 1);
  ~Emulator();

  using Body = std::function<void(Thread&)>;
  // cooperates: the kernel has barriers, shuffles or votes.
  void run(const char* kernel, const Geometry& geometry, bool cooperates, const Body& body);

 private:
  friend class on_host::Thread;
  struct Waiting;
  struct Block;
  void run_alone(int64_t block, const Body& body);
  void run_together(int64_t block, const Body& body);
  std::vector<int64_t> order(int64_t count);
  void release(Block& block);
  bool release_warps(Block& block);
  void release_barrier(Block& block);

  Checks checks_;
  Turns turns_;
  uint64_t random_;
  Geometry geometry_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<unsigned char> shared_;
  SharedWatch shared_watch_;
  GlobalWatch global_watch_;
  int64_t epoch_ = 0;
  bool cooperates_ = false;
};

}  // namespace kvdiff::device
