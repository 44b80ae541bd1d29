#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

namespace kvdiff::test {

// xoshiro256** 1.0 (Blackman and Vigna) filled by splitmix64: the same numbers on every machine, which the standard
// library's distributions do not promise.
class PortableRandom {
 public:
  explicit PortableRandom(uint64_t seed) {
    for (uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15u;
      uint64_t mixed = seed;
      mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
      mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
      word = mixed ^ (mixed >> 31);
    }
  }

  // A stream of its own for a name: adding one tensor moves no other's values.
  static PortableRandom for_name(uint64_t seed, std::string_view name) {
    uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return PortableRandom(seed ^ hash);
  }

  uint64_t bits() {
    const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }  // [0, 1)

  uint64_t below(uint64_t limit) { return bits() % limit; }  // biased by less than limit / 2^64

  // Mean 0, variance 1, within +-6: the sum of twelve uniforms, additions only.
  double normal() {
    double sum = -6.0;
    for (int i = 0; i < 12; ++i) sum += uniform();
    return sum;
  }

 private:
  std::array<uint64_t, 4> state_;
};

}  // namespace kvdiff::test
