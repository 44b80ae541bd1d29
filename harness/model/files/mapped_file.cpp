#include "harness/model/files/mapped_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "cache_backends/error.h"

namespace kvdiff {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& what) {
  std::error_code ignored;
  std::string target;
  if (std::filesystem::is_symlink(path, ignored)) {
    target = fmt::format(" (a symbolic link to {})", std::filesystem::read_symlink(path, ignored).string());
  }
  throw UserError(ExitCode::input, fmt::format("cannot read {}{}: {}", path.string(), target, what));
}

std::string errno_text() { return std::generic_category().message(errno); }

struct Descriptor {
  int fd;
  ~Descriptor() { ::close(fd); }
};

}  // namespace

MappedFile MappedFile::open(const std::filesystem::path& path) {
  // Without O_NONBLOCK the opening of a pipe would wait for a writer.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) refuse(path, errno_text());
  const Descriptor descriptor{fd};
  struct stat status {};
  if (::fstat(fd, &status) != 0) refuse(path, errno_text());
  if (S_ISDIR(status.st_mode)) refuse(path, "it is a folder, expected a file");
  if (!S_ISREG(status.st_mode)) refuse(path, "it is a pipe or a device, expected a plain file");
  const auto size = static_cast<size_t>(status.st_size);
  if (size == 0) return MappedFile();
  void* const begin = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (begin == MAP_FAILED) refuse(path, errno_text());
  return MappedFile({static_cast<const std::byte*>(begin), size});
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace kvdiff
