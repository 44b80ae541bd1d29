#include "harness/write_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "cache_backends/error.h"

namespace kvdiff {
namespace {

std::string advice(int error) {
  switch (error) {
    case ENOENT: return "create the folder first, or name another file";
    case ENOTDIR: return "a part of the path is a file where a folder was expected; name another file";
    case EISDIR: return "that is a folder; name a file in it";
    case EACCES:
    case EPERM:
    case EROFS: return "make it writable, or name another file";
    case ENOSPC:
    case EDQUOT: return "free some space, or name a file on another disk";
    case EPIPE: return "the program that read this output ended before it was complete";
    default: return "name another file";
  }
}

[[noreturn]] void fail(const std::string& path, int error) {
  throw UserError(ExitCode::io,
                  fmt::format("cannot write {}: {}; {}", path, std::strerror(error), advice(error)));
}

bool is_standard_output(const std::string& path) { return path.empty() || path == "-"; }

// Returns 0 or an errno.
int write_all(int file, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(file, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    content.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

bool exists_but_is_no_regular_file(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

void write_in_place(const std::string& path, std::string_view content) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) fail(path, errno);
  int error = write_all(file, content);
  if (::close(file) != 0 && error == 0) error = errno;
  if (error != 0) fail(path, error);
}

// The file that a link leads to, so that the rename replaces it and not the link.
std::string target_of(const std::string& path) {
  std::error_code error;
  const auto target = std::filesystem::canonical(path, error);
  return error ? path : target.string();
}

struct FreshFile {
  int descriptor = -1;
  std::string path;
};

FreshFile create_beside(const std::string& path) {
  const auto place = std::filesystem::path(path);
  for (int attempt = 0;; ++attempt) {
    const auto name = fmt::format(".{}.{}-{}.part", place.filename().string().substr(0, 200), ::getpid(), attempt);
    const std::string fresh = (place.parent_path() / name).string();
    const int descriptor = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0) return {descriptor, fresh};
    if (errno != EEXIST) fail(path, errno);
  }
}

}  // namespace

void write_file(const std::string& path, std::string_view content) {
  if (is_standard_output(path)) {
    if (const int error = write_all(STDOUT_FILENO, content)) fail("standard output", error);
    return;
  }
  if (exists_but_is_no_regular_file(path)) return write_in_place(path, content);
  const std::string target = target_of(path);
  const FreshFile fresh = create_beside(target);
  int error = write_all(fresh.descriptor, content);
  if (error == 0 && ::fsync(fresh.descriptor) != 0) error = errno;
  if (::close(fresh.descriptor) != 0 && error == 0) error = errno;
  if (error == 0 && ::rename(fresh.path.c_str(), target.c_str()) != 0) error = errno;
  if (error == 0) return;
  ::unlink(fresh.path.c_str());
  fail(path, error);
}

void require_writable(const std::string& path) {
  if (is_standard_output(path) || exists_but_is_no_regular_file(path)) return;
  if (std::filesystem::is_directory(path)) fail(path, EISDIR);
  const FreshFile fresh = create_beside(target_of(path));
  ::close(fresh.descriptor);
  ::unlink(fresh.path.c_str());
}

}  // namespace kvdiff
