#include "harness/model/files/digest.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "cache_backends/error.h"
#include "harness/model/files/mapped_file.h"

namespace kvdiff {
namespace {

std::string hexadecimal(XXH128_hash_t hash) { return fmt::format("{:016x}{:016x}", hash.high64, hash.low64); }

struct FreeState {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

class Hasher {
 public:
  Hasher() : state_(XXH3_createState()) {
    if (!state_) throw std::bad_alloc();
    XXH3_128bits_reset(state_.get());
  }
  // The length goes first, so that no two lists of parts run into the same bytes.
  void part(const void* bytes, size_t size) {
    unsigned char length[8];
    for (size_t i = 0; i < 8; ++i) length[i] = static_cast<unsigned char>((uint64_t{size} >> (8 * i)) & 0xff);
    XXH3_128bits_update(state_.get(), length, sizeof length);
    if (size > 0) XXH3_128bits_update(state_.get(), bytes, size);
  }
  std::string finish() const { return hexadecimal(XXH3_128bits_digest(state_.get())); }

 private:
  std::unique_ptr<XXH3_state_t, FreeState> state_;
};

}  // namespace

std::string digest_text(std::string_view text) { return hexadecimal(XXH3_128bits(text.data(), text.size())); }

std::string digest_files(std::span<const std::filesystem::path> files) {
  std::vector<std::filesystem::path> sorted(files.begin(), files.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.filename() < b.filename(); });
  Hasher hasher;
  for (const std::filesystem::path& path : sorted) {
    const std::string name = path.filename().string();
    const MappedFile file = MappedFile::open(path);
    hasher.part(name.data(), name.size());
    hasher.part(file.bytes().data(), file.bytes().size());
  }
  return hasher.finish();
}

}  // namespace kvdiff
