#pragma once
#include "cache_backends/kernels/bit_mixing.h"
#include "cache_backends/kernels/portable_logarithm.h"

// The noise of sampling (harness/run/sampling.h), for the host's loop and the device's kernel.
namespace kvdiff {

static KVDIFF_SHARED_CODE uint64_t noise_key(uint64_t seed, int64_t step) {
  return mixed(mixed(seed + 0x9e3779b97f4a7c15u) + static_cast<uint64_t>(step));
}

// Gumbel noise of a token: -log(-log(u)).
static KVDIFF_SHARED_CODE double gumbel_noise(uint64_t key, int64_t token) {
  const uint64_t bits = mixed(key ^ mixed(static_cast<uint64_t>(token) + 0xd1b54a32d192ed03u));
  const double uniform = (static_cast<double>(bits >> 12) + 0.5) * 0x1p-52;  // never 0, never 1
  return -portable::logarithm(-portable::logarithm(uniform));
}

}  // namespace kvdiff
