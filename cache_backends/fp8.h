#pragma once
#include <cstdint>

namespace kvdiff {

// 8-bit floating point as torch 2.13 converts: from float32, ties to even, subnormal results included.
//   e4m3 (float8_e4m3fn): no infinity; everything above 448, infinity too, becomes 448. NaN is 0x7f.
//   e5m2 (float8_e5m2): from 61440 on, infinity. NaN is 0x7f.
// The sign of a NaN is dropped, as everywhere here (dtype.h).
uint8_t e4m3_bits(float value);
uint8_t e5m2_bits(float value);
float from_e4m3_bits(uint8_t bits);
float from_e5m2_bits(uint8_t bits);

}  // namespace kvdiff
