#pragma once
#include "cache_backends/device/launch.h"
#include "harness/model/compute.h"

namespace kvdiff {

// A weight matrix in the memory of a device, packed as the host packs it (kernels.h), in its stored type.
class DeviceWeight final : public Weight {
 public:
  DeviceWeight(device::Device& device, const WeightMatrix& matrix);
  int64_t inputs() const override { return inputs_; }
  int64_t outputs() const override { return outputs_; }
  int64_t bytes() const override { return narrow_.bytes() + wide_.bytes(); }

  // use(how its elements are stored, the elements)
  template <class Use>
  void visit(const Use& use) const {
    if (stored_ == Dtype::float32) use(device::StoredFloat32{}, device::constant(wide_));
    else if (stored_ == Dtype::float16) use(device::StoredFloat16{}, device::constant(narrow_));
    else use(device::StoredBfloat16{}, device::constant(narrow_));
  }

 private:
  Dtype stored_;
  int64_t inputs_, outputs_;
  device::Array<uint16_t> narrow_;
  device::Array<float> wide_;
};
inline const DeviceWeight& weight_of(const Weight& weight) { return static_cast<const DeviceWeight&>(weight); }

}  // namespace kvdiff
