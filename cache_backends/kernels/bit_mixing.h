#pragma once
#include <cstdint>

#include "cache_backends/device/target.h"

// What one float adds to the digest of a series (harness/run/bit_digest.h), for the host's loop and the device's kernel.
namespace kvdiff {

// The two rounds that end splitmix64: a bijection of 64 bits in which each bit of the result depends on all of z.
static KVDIFF_SHARED_CODE uint64_t mixed(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// Place and bits make one number, which is mixed. Steps of the golden ratio keep numbers of different places 2^32 apart, so
// that no two (index, bits) are the same number, up to a billion floats; beyond, few are.
static KVDIFF_SHARED_CODE uint64_t digest_term(uint64_t index, uint32_t bits) {
  return mixed(index * 0x9e3779b97f4a7c15u + bits);
}

// Any NaN counts as one.
static KVDIFF_SHARED_CODE uint32_t canonical_bits(uint32_t bits) { return (bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc00000u : bits; }

}  // namespace kvdiff
