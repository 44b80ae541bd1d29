#include "harness/text/input_text.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "cache_backends/error.h"
#include "scenarios/texts.h"

namespace kvdiff {
namespace {

constexpr size_t largest_file = size_t{1} << 30;

std::string read_all(std::FILE* file, const std::string& name, std::string_view what) {
  std::string text;
  char buffer[1 << 16];
  for (;;) {
    const size_t got = std::fread(buffer, 1, sizeof buffer, file);
    text.append(buffer, got);
    if (text.size() > largest_file) {
      throw UserError(ExitCode::io,
                      fmt::format("{}: the {} is larger than 1 GiB; is this the right file?", name, what));
    }
    if (got == sizeof buffer) continue;
    if (std::ferror(file)) {
      throw UserError(ExitCode::io, fmt::format("{}: reading the {} failed: {}.", name, what, std::strerror(errno)));
    }
    return text;
  }
}

}  // namespace

std::string read_input_text(const std::filesystem::path& path, std::string_view what) {
  if (path == "-") {
    static const std::string once = read_all(stdin, "standard input", what);  // it cannot be read a second time
    return once;
  }
  if (path.string().starts_with(shipped_prefix)) return read_source(path.string(), what, ExitCode::usage);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) {
    throw UserError(ExitCode::io,
                    fmt::format("{}: the {} file cannot be opened: {}. Check the path and its permissions.",
                                path.string(), what, std::strerror(errno)));
  }
  return read_all(file.get(), path.string(), what);
}

}  // namespace kvdiff
