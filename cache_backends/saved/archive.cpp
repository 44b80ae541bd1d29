#include "cache_backends/saved/archive.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "cache_backends/error.h"

namespace kvdiff {

static_assert(std::endian::native == std::endian::little, "saved numbers are laid down as they lie in memory");

void throw_damaged(std::string_view found, std::string_view expected) {
  throw UserError(ExitCode::input, fmt::format("a saved cache: found {}, expected {}; it is damaged: save it again", found, expected));
}

void ArchiveWriter::raw(const void* data, size_t size) {
  if (size == 0) return;
  const auto* first = static_cast<const std::byte*>(data);
  bytes_.insert(bytes_.end(), first, first + size);
}
void ArchiveWriter::number(int64_t value) { raw(&value, sizeof value); }
void ArchiveWriter::real(double value) { raw(&value, sizeof value); }
void ArchiveWriter::text(std::string_view text) {
  number(static_cast<int64_t>(text.size()));
  raw(text.data(), text.size());
}
void ArchiveWriter::floats(std::span<const float> values) {
  number(static_cast<int64_t>(values.size()));
  raw(values.data(), values.size_bytes());
}
void ArchiveWriter::bytes(std::span<const std::byte> bytes) {
  number(static_cast<int64_t>(bytes.size()));
  raw(bytes.data(), bytes.size());
}

std::span<const std::byte> ArchiveReader::raw(size_t size) {
  if (size > bytes_.size()) throw_damaged(fmt::format("{} bytes left", bytes_.size()), fmt::format("{} more", size));
  const auto found = bytes_.first(size);
  bytes_ = bytes_.subspan(size);
  return found;
}

int64_t ArchiveReader::number() {
  int64_t value = 0;
  std::memcpy(&value, raw(sizeof value).data(), sizeof value);
  return value;
}

int64_t ArchiveReader::number(int64_t least, int64_t most, std::string_view what) {
  const int64_t value = number();
  if (value < least || value > most)
    throw_damaged(fmt::format("{} {}", what, value), fmt::format("{} to {}", least, most));
  return value;
}

double ArchiveReader::real() {
  double value = 0;
  std::memcpy(&value, raw(sizeof value).data(), sizeof value);
  return value;
}

size_t ArchiveReader::count(size_t width) {
  const int64_t found = number();
  const auto most = static_cast<int64_t>(bytes_.size() / width);
  if (found < 0 || found > most) throw_damaged(fmt::format("a list of {}", found), fmt::format("at most {}", most));
  return static_cast<size_t>(found);
}

std::string ArchiveReader::text() {
  const auto found = raw(count(1));
  return {reinterpret_cast<const char*>(found.data()), found.size()};
}

std::vector<float> ArchiveReader::floats() {
  std::vector<float> values(count(sizeof(float)));
  const auto found = raw(values.size() * sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), found.data(), found.size());
  return values;
}

std::span<const std::byte> ArchiveReader::bytes() { return raw(count(1)); }

void ArchiveReader::finish() const {
  if (!bytes_.empty()) throw_damaged(fmt::format("{} bytes behind the end", bytes_.size()), "none");
}

}  // namespace kvdiff
