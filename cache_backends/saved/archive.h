#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvdiff {

// The content of a saved cache as bytes: whole numbers in 8 bytes, little end first; floats and doubles as their bits; texts
// and lists with their count in front.
class ArchiveWriter {
 public:
  void number(int64_t value);
  void real(double value);
  void text(std::string_view text);
  void floats(std::span<const float> values);
  void bytes(std::span<const std::byte> bytes);
  void raw(const void* data, size_t size);  // without a count
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

// The same read back. Whatever the bytes are, it throws UserError(input) rather than read beyond them or ask for more memory
// than they are long.
class ArchiveReader {
 public:
  explicit ArchiveReader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  int64_t number();
  int64_t number(int64_t least, int64_t most, std::string_view what);  // throws where it lies outside
  bool flag(std::string_view what) { return number(0, 1, what) == 1; }
  double real();
  std::string text();
  std::vector<float> floats();
  std::span<const std::byte> bytes();
  std::span<const std::byte> raw(size_t size);
  int64_t left() const { return static_cast<int64_t>(bytes_.size()); }
  void finish() const;  // throws where something is left

 private:
  size_t count(size_t width);  // of what follows
  std::span<const std::byte> bytes_;
};

// UserError(input): "a saved cache: FOUND, EXPECTED; save it again".
[[noreturn]] void throw_damaged(std::string_view found, std::string_view expected);

// The whole file: "kvdiffKV", version, length, what it is, its parts, and XXH3-64 of all that stands before it.
std::vector<std::byte> framed(std::string_view what, const std::vector<std::vector<std::byte>>& parts);
// Its parts, as views of `saved`. Throws UserError(input) for what is not such a file, is cut short or changed, comes from
// another version, or is not `what` in so many parts.
std::vector<std::span<const std::byte>> unframed(std::span<const std::byte> saved, std::string_view what, size_t parts);

}  // namespace kvdiff
