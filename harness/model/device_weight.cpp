#include "harness/model/device_weight.h"

namespace kvdiff {

DeviceWeight::DeviceWeight(device::Device& device, const WeightMatrix& matrix)
    : stored_(matrix.packed().stored), inputs_(matrix.inputs()), outputs_(matrix.outputs()) {
  const PackedMatrix packed = matrix.packed();
  const auto count = static_cast<size_t>(packed.blocks() * 16 * packed.inputs);
  if (stored_ == Dtype::float32) wide_ = {device, std::span(static_cast<const float*>(packed.data), count)};
  else narrow_ = {device, std::span(static_cast<const uint16_t*>(packed.data), count)};
}

}  // namespace kvdiff
