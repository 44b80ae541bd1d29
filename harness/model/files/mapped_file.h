#pragma once
#include <cstddef>
#include <filesystem>
#include <span>

namespace kvdiff {

// A file's bytes, mapped read-only. Symbolic links are followed. The file must not shrink while it is mapped.
class MappedFile {
 public:
  // Throws UserError(input) when the file is missing, is no plain file or cannot be read.
  static MappedFile open(const std::filesystem::path& path);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

}  // namespace kvdiff
