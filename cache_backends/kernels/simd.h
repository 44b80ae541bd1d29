#pragma once
#include <string_view>

namespace kvdiff {

// Which kernels run. All of them give the same bits; scalar is the reference that nobody optimises.
enum class Simd { scalar, avx2, avx512 };

std::string_view name_of(Simd simd);
bool supported(Simd simd);  // by this machine (AVX2 means AVX2 + FMA + F16C)
Simd best_simd();
Simd parse_simd(std::string_view text);  // throws UserError: usage for an unknown name, environment if not supported

// The choice of the process; best_simd() until it is set. Set it before work starts, not during.
Simd active_simd();
void set_active_simd(Simd simd);

}  // namespace kvdiff
