#pragma once
#include <cstddef>
#include <cstdint>

#include "cache_backends/dtype.h"

namespace kvdiff {

// Floats -> the bits of `dtype` and back: `count` elements, rounded half to even where they do not fit. The same bits
// on every machine; F16C does it where the machine has it.
void store(Dtype dtype, const float* values, int64_t count, std::byte* bits);
void load(Dtype dtype, const std::byte* bits, int64_t count, float* values);

void store_float16_f16c(const float* values, int64_t count, uint16_t* bits);
void load_float16_f16c(const uint16_t* bits, int64_t count, float* values);

}  // namespace kvdiff
