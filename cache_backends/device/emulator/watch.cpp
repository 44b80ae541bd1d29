#include "cache_backends/device/emulator/watch.h"

#include <fmt/format.h>

namespace kvdiff::device {
namespace {

[[noreturn]] void race(const char* memory, int64_t place, const char* what, const Who& now, const Who& before) {
  throw KernelFault(fmt::format("race in {} memory at {:#x}: {} {} what {} touched, and no barrier orders them", memory, place,
                                text_of(now), what, text_of(before)));
}

}  // namespace

std::string text_of(const Who& who) {
  return fmt::format("thread {} of block {} (after {} barriers)", who.thread, who.block, who.epoch);
}

// Blocks are never ordered within a launch, threads of a block by its barriers.
bool AccessLog::ordered(const Who& before, const Who& now) {
  if (before.block != now.block) return false;
  return before.thread == now.thread || before.epoch < now.epoch;
}

const Who* AccessLog::read(const Who& who) {
  const bool raced = has_writer_ && !ordered(writer_, who);
  if (has_reader_ && !(reader_.block == who.block && reader_.thread == who.thread)) {
    other_reader_ = reader_;
    has_other_ = true;
  }
  reader_ = who;
  has_reader_ = true;
  return raced ? &writer_ : nullptr;
}

const Who* AccessLog::write(const Who& who) {
  const Who* raced = nullptr;
  if (has_other_ && !ordered(other_reader_, who)) raced = &other_reader_;
  if (has_reader_ && !ordered(reader_, who)) raced = &reader_;
  if (has_writer_ && !ordered(writer_, who)) raced = &writer_;
  if (raced) return raced;
  writer_ = who;
  has_writer_ = true;
  return nullptr;
}

AccessLog& SharedWatch::word(int64_t index) {
  if (index < 0 || index >= static_cast<int64_t>(words_.size()))
    throw KernelFault(fmt::format("shared memory was touched at byte {}, and the launch asked for {}", 4 * index, 4 * words_.size()));
  return words_[static_cast<size_t>(index)];
}

void SharedWatch::read(const Who& who, int64_t byte, int64_t size) {
  for (int64_t at = byte / 4; at < (byte + size + 3) / 4; ++at) {
    if (!word(at).written())
      throw KernelFault(fmt::format("{} read shared memory at byte {} that nobody has written", text_of(who), byte));
    if (const Who* before = word(at).read(who)) race("shared", byte, "reads", who, *before);
  }
}

void SharedWatch::write(const Who& who, int64_t byte, int64_t size) {
  for (int64_t at = byte / 4; at < (byte + size + 3) / 4; ++at)
    if (const Who* before = word(at).write(who)) race("shared", byte, "writes", who, *before);
}

void GlobalWatch::read(const Who& who, const void* element) {
  if (const Who* before = elements_[element].read(who)) race("device", reinterpret_cast<int64_t>(element), "reads", who, *before);
}

void GlobalWatch::write(const Who& who, const void* element) {
  if (const Who* before = elements_[element].write(who)) race("device", reinterpret_cast<int64_t>(element), "writes", who, *before);
}

}  // namespace kvdiff::device
