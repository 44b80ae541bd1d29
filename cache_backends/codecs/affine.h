#pragma once
#include "cache_backends/codec.h"
#include "cache_backends/device/affine_kind.h"
#include "cache_backends/kernels/affine.h"

namespace kvdiff {

// What quanto, KIVI and LMDeploy's PyTorch engine have in common: a scale and an offset per group, in the compute type,
// and codes packed little end first. A codec of this family says where its codes and its groups lie.
class AffineCodec : public Codec {
 public:
  EncodedBlock encode(std::span<const float> values, const BlockShape& shape, Dtype dtype) const override;
  void decode(const EncodedView& block, int64_t first, std::span<float> out) const override;
  std::vector<int32_t> codes(const EncodedView& block) const override;
  Bytes bytes(const EncodedView& block) const override;
  int64_t levels() const override { return int64_t{1} << bits_; }
  // Half a step per group, what each rounding to the dtype may add, and infinite where a result overflows it.
  double error_bound(std::span<const float> values, const BlockShape& shape, Dtype dtype) const override;

 protected:
  // Neighbouring values whose codes lie at bits `bit`, `bit + bit_stride`, ... of the packed bytes, and whose groups are
  // `group`, `group + group_stride`, ... (stride 0: one group).
  struct Run {
    int64_t count = 0, bit = 0, bit_stride = 0, group = 0, group_stride = 0;
  };
  // wide: codes are found in float32, from a scale and an offset that are not yet rounded to the dtype.
  AffineCodec(AffineForm form, int bits, bool wide = false) : form_(form), bits_(bits), wide_(wide) {}
  // The run that begins with this element, up to where its groups or its codes lie elsewhere.
  virtual Run run_at(const BlockShape& shape, int64_t element) const = 0;
  virtual int64_t groups(const BlockShape& shape) const = 0;
  virtual int64_t packed_bytes(const BlockShape& shape) const = 0;
  Bytes expected_bytes(const BlockShape& shape, Dtype dtype) const override {
    const int64_t parameters = groups(shape) * static_cast<int64_t>(size_of(dtype));
    return {packed_bytes(shape), parameters, parameters, 0};
  }
  int bits() const { return bits_; }
  // For on_device(): the same places there. group: values of one, where the kind has groups.
  std::shared_ptr<const device::DeviceCodec> placed_on_device(device::AffineKind kind, int64_t group = 1) const;

 private:
  struct Ranges {
    std::vector<float> smallest, largest;
  };
  struct Parameters {
    std::vector<float> scale, offset;
  };
  Ranges ranges(std::span<const float> values, const BlockShape& shape) const;
  Parameters parameters(const Ranges& ranges, Dtype dtype) const;
  template <typename Visit>
  void for_each_run(const BlockShape& shape, int64_t first, int64_t count, Visit visit) const;

  AffineForm form_;
  int bits_;
  bool wide_;
};

}  // namespace kvdiff
