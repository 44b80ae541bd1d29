#include "scenarios/texts.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

#include "cache_backends/nearest.h"
#include "scenarios/shipped.h"
#include "scenarios/values.h"

namespace kvdiff {
namespace {

constexpr size_t most_bytes = 64u << 20;

std::string shipped_text(std::string_view name, std::string_view what) {
  if (const ShippedFile* file = find_shipped(shipped_texts(), name)) return std::string(file->content);
  std::vector<std::string_view> names;
  for (const ShippedFile& file : shipped_texts()) names.push_back(file.name);
  throw UserError(ExitCode::usage, fmt::format("{}: no shipped text {}: there are {}", what, shown(name), joined(names)));
}

}  // namespace

std::string read_source(const std::string& source, std::string_view what, ExitCode code) {
  if (source.starts_with(shipped_prefix)) return shipped_text(source.substr(shipped_prefix.size()), what);
  const auto fail = [&](std::string_view reason) -> UserError {
    return UserError(code, fmt::format("cannot read the {} {}: {}", what, shown(source), reason));
  };
  const bool standard_input = source == "-";
  if (!standard_input && std::filesystem::is_directory(source)) throw fail("it is a folder, expected a file");
  using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
  const File opened(standard_input ? nullptr : std::fopen(source.c_str(), "rb"), [](std::FILE* file) { return std::fclose(file); });
  std::FILE* file = standard_input ? stdin : opened.get();
  if (file == nullptr) throw fail(std::strerror(errno));
  std::string content;
  std::vector<char> piece(1u << 16);
  while (const size_t count = std::fread(piece.data(), 1, piece.size(), file)) {
    content.append(piece.data(), count);
    if (content.size() > most_bytes) throw fail("it is larger than 64 MiB");
  }
  if (std::ferror(file) != 0) throw fail(std::strerror(errno));
  return content;
}

std::string source_from(const std::string& folder, const std::string& source) {
  if (source.empty() || source == "-" || source.starts_with(shipped_prefix)) return source;
  return (std::filesystem::path(folder) / source).lexically_normal().string();
}

}  // namespace kvdiff
