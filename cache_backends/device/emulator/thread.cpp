#include "cache_backends/device/emulator/thread.h"

#include <fmt/format.h>

namespace kvdiff::device {
inline namespace on_host {

void out_of_bounds(int64_t index, int64_t count) {
  throw KernelFault(fmt::format("element {} was asked for, and there are {}", index, count));
}

void misaligned(const void* address, int64_t wanted) {
  throw KernelFault(fmt::format("a vector access at {}, which is no multiple of {}", address, wanted));
}

void note_read(const void* element) {
  if (running_thread) running_thread->read(element);
}
void note_write(const void* element) {
  if (running_thread) running_thread->write(element);
}

int Thread::width() const { return emulator_.geometry_.width; }
int64_t Thread::block() const { return block_ % emulator_.geometry_.blocks_x; }
int64_t Thread::block_y() const { return block_ / emulator_.geometry_.blocks_x; }
Who Thread::who() const { return {block_, index_, emulator_.epoch_}; }

void Thread::wait(Stop reason, Where at) {
  if (!fiber_) throw KernelFault("a barrier, shuffle or vote in a kernel that says that it has none (cooperates)");
  stopped.reason = reason;
  stopped.where = at;
  fiber_->leave();
}

void Thread::barrier(Where at) { wait(Stop::barrier, at); }

uint64_t Thread::exchange(uint64_t bits, int from_lane, Where at) {
  stopped.given = bits;
  stopped.from = from_lane;
  wait(Stop::warp, at);
  return stopped.taken;
}

uint32_t Thread::ballot(bool vote, Where at) { return static_cast<uint32_t>(exchange(vote ? 1 : 0, -1, at)); }

void Thread::check_shared(int64_t byte, int64_t bytes, size_t alignment) const {
  const auto held = static_cast<int64_t>(emulator_.shared_.size());
  if (byte < 0 || byte + bytes > held)
    throw KernelFault(fmt::format("bytes {} to {} of shared memory, and the launch asked for {}", byte, byte + bytes, held));
  if (byte % static_cast<int64_t>(alignment) != 0)
    throw KernelFault(fmt::format("byte {} of shared memory is no place for elements of alignment {}", byte, alignment));
}

void Thread::read_shared(int64_t byte, void* to, int64_t size) {
  emulator_.shared_watch_.read(who(), byte, size);
  std::memcpy(to, emulator_.shared_.data() + byte, static_cast<size_t>(size));
}

void Thread::write_shared(int64_t byte, const void* from_memory, int64_t size) {
  emulator_.shared_watch_.write(who(), byte, size);
  std::memcpy(emulator_.shared_.data() + byte, from_memory, static_cast<size_t>(size));
}

void Thread::read(const void* element) {
  if (emulator_.checks_ == Checks::races) emulator_.global_watch_.read(who(), element);
}
void Thread::write(const void* element) {
  if (emulator_.checks_ == Checks::races) emulator_.global_watch_.write(who(), element);
}

}  // namespace on_host
}  // namespace kvdiff::device
