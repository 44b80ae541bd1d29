#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace kvdiff {

// Writes a file whole or not at all: the bytes go to a temporary file beside it, which takes the name (an older file's
// too) only in commit(), after they have reached the disk. Without commit() nothing is left behind.
// Throws UserError(io) with the system's reason: no such folder, not writable, disk full; and for a device or a pipe.
class WholeFile {
 public:
  explicit WholeFile(const std::filesystem::path& target);
  ~WholeFile();
  WholeFile(const WholeFile&) = delete;
  WholeFile& operator=(const WholeFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  void commit();

 private:
  [[noreturn]] void fail(std::string_view doing) const;

  std::filesystem::path target_;
  std::filesystem::path temporary_;
  int fd_ = -1;
};

}  // namespace kvdiff
