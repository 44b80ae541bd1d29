#include "harness/model/files/whole_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <string>
#include <system_error>

#include "cache_backends/error.h"

namespace kvdiff {
namespace {

std::filesystem::path temporary_beside(const std::filesystem::path& target) {
  static std::atomic<int> counter{0};
  const std::string name = fmt::format(".{}.{}.{}.tmp", target.filename().string(), ::getpid(), counter++);
  return target.parent_path() / name;
}

// A link's target is replaced, and not the link. A device or a pipe must not be replaced by a file at all.
std::filesystem::path replaceable(const std::filesystem::path& target) {
  std::error_code missing;
  const std::filesystem::path real = std::filesystem::canonical(target, missing);
  if (missing) return target;
  if (std::filesystem::is_regular_file(real, missing)) return real;
  throw UserError(ExitCode::io,
                  fmt::format("cannot write {}: it is a folder, a device or a pipe, expected the name of a "
                              "plain file",
                              target.string()));
}

// The new name must survive a power cut as well as the bytes.
void sync_folder(const std::filesystem::path& folder) {
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;  // a folder may be writable and not readable: then there is nothing to sync by
  ::fsync(fd);
  ::close(fd);
}

}  // namespace

WholeFile::WholeFile(const std::filesystem::path& target)
    : target_(replaceable(target)), temporary_(temporary_beside(target_)) {
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd_ < 0) fail("create");
}

WholeFile::~WholeFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void WholeFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    constexpr size_t at_most = size_t{1} << 30;  // Linux writes no more than 2 GiB in one call
    const ssize_t written = ::write(fd_, bytes.data(), std::min(bytes.size(), at_most));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail("write");
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void WholeFile::write(std::string_view text) { write(std::as_bytes(std::span(text))); }

void WholeFile::commit() {
  if (::fsync(fd_) != 0) fail("write");
  const int closed = ::close(fd_);
  fd_ = -1;
  if (closed != 0) fail("write");
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail("replace");
  temporary_.clear();
  sync_folder(target_.parent_path());
}

void WholeFile::fail(std::string_view doing) const {
  const std::string reason = std::generic_category().message(errno);
  throw UserError(ExitCode::io,
                  fmt::format("cannot {} {}: {}. Nothing was left half-written. Free some space, or choose "
                              "a folder that exists and can be written to.",
                              doing, target_.string(), reason));
}

}  // namespace kvdiff
