#pragma once
#include "cache_backends/device/kernels/number.cuh"

// The device's twin of fp8.cpp.
namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

struct Fp8Number {
  bool e5m2 = false;
  KVDIFF_DEVICE float largest() const { return e5m2 ? 57344.0f : 448.0f; }

  KVDIFF_DEVICE uint8_t bits(float value) const {
    if (value != value) return 0x7f;
    const uint32_t all = bits_of(value), size = all & 0x7fffffffu;
    const uint32_t limit = e5m2 ? 0x47700000u : 0x43e00000u;  // 61440 (infinity from there), 448
    const uint32_t code = size >= limit ? (e5m2 ? 0x7cu : 0x7eu) : narrowed(size);
    return static_cast<uint8_t>(code | ((all >> 24) & 0x80u));
  }

  KVDIFF_DEVICE float value(uint8_t code) const {
    if (e5m2) return from_float16_bits(static_cast<uint16_t>(code << 8));  // the upper half of one
    const uint32_t sign = static_cast<uint32_t>(code & 0x80u) << 24, size = code & 0x7fu;
    if (size == 0x7fu) return not_a_number();
    const float found = size < 8 ? static_cast<float>(size) * 0x1p-9f : float_of((size << 20) + (uint32_t{127 - 7} << 23));
    return float_of(sign | bits_of(found));
  }

 private:
  KVDIFF_DEVICE uint32_t narrowed(uint32_t size) const {
    const uint32_t mantissa = e5m2 ? 2 : 3, smallest = 127 - (e5m2 ? 14 : 6), smallest_normal = smallest << 23;
    if (size < smallest_normal) {
      const uint32_t aligner = (smallest + 23 - mantissa) << 23;
      return bits_of(float_of(size) + float_of(aligner)) - aligner;
    }
    const uint32_t dropped = 23 - mantissa, half = (uint32_t{1} << (dropped - 1)) - 1 + ((size >> dropped) & 1u);
    return (size + half - (smallest_normal - (uint32_t{1} << 23))) >> dropped;
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
