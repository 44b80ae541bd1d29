#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "cache_backends/error.h"
#include "cache_backends/saved/archive.h"

namespace kvdiff {
namespace {

constexpr std::string_view magic = "kvdiffKV";
constexpr int64_t version = 1;
constexpr size_t head_size = magic.size() + 2 * sizeof(int64_t), hash_size = sizeof(uint64_t);

[[noreturn]] void refuse(std::string_view found, std::string_view expected, std::string_view advice) {
  throw UserError(ExitCode::input, fmt::format("a saved cache: found {}, expected {}; {}", found, expected, advice));
}

// The length is known last, so it is written over.
void put_length(std::vector<std::byte>& bytes) {
  const auto length = static_cast<int64_t>(bytes.size() + hash_size);
  std::memcpy(bytes.data() + head_size - sizeof length, &length, sizeof length);
}

uint64_t hash_of(std::span<const std::byte> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

// What stands between head and hash.
std::span<const std::byte> content(std::span<const std::byte> saved) {
  const size_t shown = std::min(saved.size(), magic.size());
  if (std::memcmp(saved.data(), magic.data(), shown) != 0)
    refuse("a file that does not begin with kvdiffKV", "one that a cache was saved to", "give the file that was saved");
  const std::string_view again = "it was cut short or changed: save it again";
  if (saved.size() < head_size + hash_size) refuse(fmt::format("{} bytes", saved.size()), "a header at least", again);
  ArchiveReader head(saved.subspan(magic.size()));
  if (const int64_t found = head.number(); found != version)
    refuse(fmt::format("version {}", found), fmt::format("version {}", version), "save it again with this kvdiff");
  if (const int64_t found = head.number(); found != static_cast<int64_t>(saved.size()))
    refuse(fmt::format("{} bytes", saved.size()), fmt::format("{}, as its header says", found), again);
  uint64_t hash = 0;
  std::memcpy(&hash, saved.data() + saved.size() - hash_size, hash_size);
  if (const uint64_t found = hash_of(saved.first(saved.size() - hash_size)); found != hash)
    refuse(fmt::format("content of hash {:016x}", found), fmt::format("{:016x}, as it was saved", hash), again);
  return saved.subspan(head_size, saved.size() - head_size - hash_size);
}

}  // namespace

std::vector<std::byte> framed(std::string_view what, const std::vector<std::vector<std::byte>>& parts) {
  ArchiveWriter out;
  out.raw(magic.data(), magic.size());
  out.number(version);
  out.number(0);
  out.text(what);
  out.number(static_cast<int64_t>(parts.size()));
  for (const auto& part : parts) out.bytes(part);
  std::vector<std::byte> bytes = out.take();
  put_length(bytes);
  const uint64_t hash = hash_of(bytes);
  const auto* first = reinterpret_cast<const std::byte*>(&hash);
  bytes.insert(bytes.end(), first, first + hash_size);
  return bytes;
}

std::vector<std::span<const std::byte>> unframed(std::span<const std::byte> saved, std::string_view what, size_t parts) {
  if (saved.empty()) refuse("no bytes", "a file that a cache was saved to", "give the file that was saved");
  ArchiveReader in(content(saved));
  if (const std::string found = in.text(); found != what)
    refuse(found, what, "restore it into a cache that was made as the saved one was");
  in.number(static_cast<int64_t>(parts), static_cast<int64_t>(parts), "parts");
  std::vector<std::span<const std::byte>> found;
  for (size_t i = 0; i < parts; ++i) found.push_back(in.bytes());
  in.finish();
  return found;
}

}  // namespace kvdiff
