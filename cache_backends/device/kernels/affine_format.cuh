#pragma once
#include "cache_backends/device/kernels/affine_layout.cuh"
#include "cache_backends/device/kernels/format.cuh"
#include "cache_backends/device/kernels/group_ranges.cuh"
#include "cache_backends/kernels/affine.h"

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// quanto, KIVI and LMDeploy's PyTorch engine: kernels/affine_kernel.inc, decode().
struct AffineFormat {
  EncodedMemory memory;
  AffineLayout layout;
  AffineForm form = AffineForm::shift;

  KVDIFF_DEVICE float operator()(int64_t row, int64_t token, int64_t d) const {
    const AffinePlace place = layout.at(memory.element(row, token, d));
    const float scale = memory.scale_at(token, place.group), offset = memory.zero_at(token, place.group);
    const float product = rounded(memory.dtype, static_cast<float>(code_at(token, place)) * scale);
    float value = 0;
    if (form == AffineForm::shift) value = product - offset;
    if (form == AffineForm::minimum) value = product + offset;
    if (form == AffineForm::zero) value = product - rounded(memory.dtype, offset * scale);
    return canonical(rounded(memory.dtype, value));
  }
  // As Codec::codes gives it.
  KVDIFF_DEVICE int code(int64_t row, int64_t token, int64_t d) const {
    return code_at(token, layout.at(memory.element(row, token, d)));
  }

 private:
  KVDIFF_DEVICE int code_at(int64_t token, const AffinePlace& place) const {
    return (memory.byte(token, place.bit / 8) >> (place.bit % 8)) & ((1 << layout.bits) - 1);
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
