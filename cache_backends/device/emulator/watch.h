#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "cache_backends/error.h"

namespace kvdiff::device {

// What a kernel did that a GPU would have hidden. The message names kernel, block, thread, place and what to look at.
class KernelFault : public InternalError {
 public:
  using InternalError::InternalError;
};

// Who: a thread of a block, between two barriers of it (its epoch).
struct Who {
  int64_t block = 0;
  int thread = 0;
  int64_t epoch = 0;
};

// The last accesses to one element: enough to see two threads that meet there with nothing to order them.
class AccessLog {
 public:
  // The access that `who` would race with, if any; then notes its own.
  const Who* read(const Who& who);
  const Who* write(const Who& who);
  bool written() const { return has_writer_; }

 private:
  static bool ordered(const Who& before, const Who& now);
  Who writer_, reader_, other_reader_;
  bool has_writer_ = false, has_reader_ = false, has_other_ = false;
};

// Shared memory of the running block: a log for each word of 4 bytes.
class SharedWatch {
 public:
  void start_block(int64_t bytes) { words_.assign(static_cast<size_t>((bytes + 3) / 4), AccessLog{}); }
  void read(const Who& who, int64_t byte, int64_t size);
  void write(const Who& who, int64_t byte, int64_t size);

 private:
  AccessLog& word(int64_t index);
  std::vector<AccessLog> words_;
};

// Memory of the device during one launch: a log for each element that was touched.
class GlobalWatch {
 public:
  void read(const Who& who, const void* element);
  void write(const Who& who, const void* element);
  void start_launch() { elements_.clear(); }

 private:
  std::unordered_map<const void*, AccessLog> elements_;
};

std::string text_of(const Who& who);

}  // namespace kvdiff::device
