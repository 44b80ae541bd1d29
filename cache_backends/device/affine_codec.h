#pragma once
#include "cache_backends/device/affine_kind.h"
#include "cache_backends/device/codec.h"
#include "cache_backends/kernels/affine.h"

namespace kvdiff::device {

// quanto, KIVI, LMDeploy's PyTorch engine (codecs/affine.h). group: values of one, where the kind has groups.
struct AffineSetup {
  AffineKind kind = AffineKind::runs;
  AffineForm form = AffineForm::shift;
  int bits = 4;
  int64_t group = 64;
  bool wide = false;  // codes are found in float32, from parameters that are not yet rounded
};
std::shared_ptr<const DeviceCodec> make_affine_codec(const AffineSetup& setup);

// What the kernels are told of a tensor.
AffineLayout affine_layout(const AffineSetup& setup, int64_t rows, int64_t tokens, int64_t head_size);
int64_t affine_groups(const AffineLayout& layout);
int64_t affine_bytes(const AffineLayout& layout);

}  // namespace kvdiff::device
