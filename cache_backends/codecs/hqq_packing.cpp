#include "cache_backends/codecs/hqq_packing.h"

#include <algorithm>
#include <cstring>

namespace kvdiff {
namespace {

template <typename Word>
std::vector<std::byte> pack_words(const HqqPacking& packing, const std::vector<uint8_t>& codes) {
  const int64_t chunk = packing.chunk(), elements = static_cast<int64_t>(codes.size());
  std::vector<Word> words(static_cast<size_t>(chunk), Word{0});
  for (int k = 0; k * chunk < elements; ++k) {
    const int shift = packing.bits * (packing.codes_per_word() - 1 - k);
    const uint8_t* part = codes.data() + k * chunk;
    const int64_t count = std::min(chunk, elements - k * chunk);
    for (int64_t i = 0; i < count; ++i) words[i] = static_cast<Word>(words[i] | static_cast<Word>(Word{part[i]} << shift));
  }
  std::vector<std::byte> packed(static_cast<size_t>(packing.bytes()));
  if (!packed.empty()) std::memcpy(packed.data(), words.data(), packed.size());
  return packed;
}

template <typename Word>
std::vector<uint8_t> unpack_words(const HqqPacking& packing, std::span<const std::byte> packed) {
  const int64_t chunk = packing.chunk(), elements = packing.rows * packing.columns;
  std::vector<Word> words(static_cast<size_t>(chunk));
  if (!packed.empty()) std::memcpy(words.data(), packed.data(), packed.size());
  std::vector<uint8_t> codes(static_cast<size_t>(elements));
  const Word mask = static_cast<Word>((1u << packing.bits) - 1);
  for (int k = 0; k * chunk < elements; ++k) {
    const int shift = packing.bits * (packing.codes_per_word() - 1 - k);
    uint8_t* part = codes.data() + k * chunk;
    const int64_t count = std::min(chunk, elements - k * chunk);
    for (int64_t i = 0; i < count; ++i) part[i] = static_cast<uint8_t>((words[i] >> shift) & mask);
  }
  return codes;
}

}  // namespace

std::vector<std::byte> pack(const HqqPacking& packing, const std::vector<uint8_t>& codes) {
  return packing.bits == 3 ? pack_words<uint32_t>(packing, codes) : pack_words<uint8_t>(packing, codes);
}

std::vector<uint8_t> unpack(const HqqPacking& packing, std::span<const std::byte> packed) {
  return packing.bits == 3 ? unpack_words<uint32_t>(packing, packed) : unpack_words<uint8_t>(packing, packed);
}

}  // namespace kvdiff
