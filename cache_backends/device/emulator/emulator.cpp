#include "cache_backends/device/emulator/emulator.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "cache_backends/device/emulator/thread.h"

namespace kvdiff::device {
namespace {

constexpr int warp_size = 32;
constexpr int64_t most_threads = 1024, most_blocks_y = 65535, most_shared = 48 * 1024;

void check_geometry(const Geometry& geometry) {
  const bool sound = geometry.width > 0 && geometry.width <= most_threads && geometry.blocks_x > 0 && geometry.blocks_y > 0 &&
                     geometry.blocks_x <= INT32_MAX && geometry.blocks_y <= most_blocks_y && geometry.shared_bytes <= most_shared;
  if (!sound)
    throw KernelFault(fmt::format("a launch of {} x {} blocks of {} threads with {} bytes of shared memory: no GPU takes it",
                                  geometry.blocks_x, geometry.blocks_y, geometry.width, geometry.shared_bytes));
}

std::string place(const std::source_location& where) { return fmt::format("line {}", where.line()); }

bool same_place(const Thread& a, const Thread& b) {
  return a.stopped.reason == b.stopped.reason && a.stopped.where.line() == b.stopped.where.line() &&
         a.stopped.where.column() == b.stopped.where.column();
}

struct Running {  // whom the checks of a Span speak of
  explicit Running(Thread& thread) { running_thread = &thread; }
  ~Running() { running_thread = nullptr; }
};

}  // namespace

// The threads of the block that runs.
struct Emulator::Block {
  std::vector<Thread> threads;
  std::vector<Fiber*> fibers;
  bool done(size_t thread) const { return fibers[thread]->done(); }
  bool all_done() const {
    return std::all_of(fibers.begin(), fibers.end(), [](const Fiber* fiber) { return fiber->done(); });
  }
};

Emulator::Emulator(Checks checks, Turns turns, uint64_t seed) : checks_(checks), turns_(turns), random_(seed) {}
Emulator::~Emulator() = default;

std::vector<int64_t> Emulator::order(int64_t count) {
  std::vector<int64_t> turns(static_cast<size_t>(count));
  std::iota(turns.begin(), turns.end(), int64_t{0});
  if (turns_ == Turns::reverse) std::reverse(turns.begin(), turns.end());
  if (turns_ == Turns::random)
    for (size_t i = turns.size(); i > 1; --i) {
      random_ = random_ * 6364136223846793005u + 1442695040888963407u;
      std::swap(turns[i - 1], turns[(random_ >> 33) % i]);
    }
  return turns;
}

void Emulator::run(const char* kernel, const Geometry& geometry, bool cooperates, const Body& body) try {
  check_geometry(geometry);
  geometry_ = geometry;
  cooperates_ = cooperates;
  global_watch_.start_launch();
  for (const int64_t block : order(geometry.blocks())) {
    epoch_ = 0;
    shared_.assign(static_cast<size_t>(geometry.shared_bytes), 0xff);
    shared_watch_.start_block(geometry.shared_bytes);
    if (cooperates) run_together(block, body);
    else run_alone(block, body);
  }
} catch (const KernelFault& fault) {
  throw KernelFault(fmt::format("kernel {}: {}", kernel, fault.what()));
}

void Emulator::run_alone(int64_t block, const Body& body) {
  const auto each = [&](int index) {
    Thread thread(*this, block, index, nullptr);
    const Running running(thread);
    body(thread);
  };
  if (turns_ == Turns::forward)
    for (int index = 0; index < geometry_.width; ++index) each(index);
  else
    for (const int64_t index : order(geometry_.width)) each(static_cast<int>(index));
}

void Emulator::run_together(int64_t block, const Body& body) {
  while (static_cast<int>(fibers_.size()) < geometry_.width) fibers_.push_back(std::make_unique<Fiber>());
  Block running;
  for (int index = 0; index < geometry_.width; ++index) {
    running.fibers.push_back(fibers_[static_cast<size_t>(index)].get());
    running.threads.emplace_back(*this, block, index, running.fibers.back());
  }
  for (size_t index = 0; index < running.threads.size(); ++index)
    running.fibers[index]->start([&body, &thread = running.threads[index]] { body(thread); });
  while (!running.all_done()) {
    for (const int64_t index : order(geometry_.width)) {
      const auto at = static_cast<size_t>(index);
      if (running.done(at) || running.threads[at].stopped.reason != Thread::Stop::none) continue;
      const Running current(running.threads[at]);
      running.fibers[at]->resume();
    }
    release(running);
  }
}

void Emulator::release(Block& block) {
  if (block.all_done() || release_warps(block)) return;
  release_barrier(block);
}

// Warps whose lanes all wait for each other go on.
bool Emulator::release_warps(Block& block) {
  bool any = false;
  for (size_t first = 0; first < block.threads.size(); first += warp_size) {
    const size_t last = std::min(first + warp_size, block.threads.size());
    const auto waits = [&](size_t at) { return !block.done(at) && block.threads[at].stopped.reason == Thread::Stop::warp; };
    size_t waiting = 0;
    for (size_t at = first; at < last; ++at) waiting += waits(at);
    if (waiting == 0) continue;
    for (size_t at = first; at < last; ++at)
      if (!waits(at) || !same_place(block.threads[at], block.threads[first]))
        throw KernelFault(fmt::format("divergent warp: lanes of block {} wait at {}, and thread {} does not come there",
                                      block.threads[first].block(), place(block.threads[waits(first) ? first : at].stopped.where), at));
    uint64_t votes = 0;
    for (size_t at = first; at < last; ++at) votes |= block.threads[at].stopped.given << (at - first);
    for (size_t at = first; at < last; ++at) {
      Thread& thread = block.threads[at];
      const size_t source = first + static_cast<size_t>(thread.stopped.from);
      if (thread.stopped.from >= 0 && source >= last)
        throw KernelFault(fmt::format("thread {} takes from lane {} of a warp of {}", at, thread.stopped.from, last - first));
      thread.stopped.taken = thread.stopped.from < 0 ? votes : block.threads[source].stopped.given;
    }
    for (size_t at = first; at < last; ++at) block.threads[at].stopped.reason = Thread::Stop::none;
    any = true;
  }
  return any;
}

void Emulator::release_barrier(Block& block) {
  const Thread& first = block.threads[0];
  for (size_t at = 0; at < block.threads.size(); ++at) {
    if (!block.done(at) && !block.done(0) && same_place(block.threads[at], first)) continue;
    const bool ended = block.done(at) || block.done(0);
    throw KernelFault(fmt::format("divergent barrier in block {}: thread {} {} while others wait at {}", first.block(),
                                  block.done(0) ? 0 : at, ended ? "has ended" : "waits elsewhere, at " + place(block.threads[at].stopped.where),
                                  place((block.done(0) ? block.threads[at] : first).stopped.where)));
  }
  ++epoch_;
  for (Thread& thread : block.threads) thread.stopped.reason = Thread::Stop::none;
}

}  // namespace kvdiff::device
