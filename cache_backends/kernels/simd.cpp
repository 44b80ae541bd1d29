#include "cache_backends/kernels/simd.h"

#include <cpuid.h>

#include <atomic>
#include <string>

#include "cache_backends/error.h"

namespace kvdiff {
namespace {

std::atomic<int> chosen{-1};

// clang 16 does not know "f16c" in __builtin_cpu_supports: leaf 1, ECX, bit 29.
bool supports_f16c() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx >> 29 & 1U) != 0;
}

}  // namespace

std::string_view name_of(Simd simd) {
  constexpr std::string_view names[] = {"scalar", "avx2", "avx512"};
  return names[static_cast<int>(simd)];
}

bool supported(Simd simd) {
  if (simd == Simd::scalar) return true;
  static const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && supports_f16c();
  if (simd == Simd::avx2) return avx2;
  return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

namespace {

Simd detect() {
  if (supported(Simd::avx512)) return Simd::avx512;
  return supported(Simd::avx2) ? Simd::avx2 : Simd::scalar;
}

}  // namespace

Simd best_simd() {
  static const Simd best = detect();  // cpuid is slow where a hypervisor answers it, and kernels ask at every call
  return best;
}

Simd parse_simd(std::string_view text) {
  for (const Simd simd : {Simd::scalar, Simd::avx2, Simd::avx512}) {
    if (name_of(simd) != text) continue;
    if (supported(simd)) return simd;
    throw UserError(ExitCode::environment, "this machine has no " + std::string(text) + ": the best here is " +
                                               std::string(name_of(best_simd())) + ". Leave --simd out to use it.");
  }
  throw UserError(ExitCode::usage, "unknown SIMD level '" + std::string(text) + "': expected scalar, avx2 or avx512");
}

Simd active_simd() {
  const int simd = chosen.load(std::memory_order_relaxed);
  return simd < 0 ? best_simd() : static_cast<Simd>(simd);
}

void set_active_simd(Simd simd) { chosen.store(static_cast<int>(simd), std::memory_order_relaxed); }

}  // namespace kvdiff
