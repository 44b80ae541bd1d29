#pragma once
#include <span>

#include "cache_backends/device/launch.h"

namespace kvdiff::device {

// rotation.h on a device, in place; rounded to the dtype, which for float32 is nothing.
inline void rotate(Device& device, std::span<float> values, int64_t block, Dtype dtype = Dtype::float32) {
  const Span<float> rows = span(values);
  launch<Rotate>(device, {{rows.data(), rows.size()}, rows, block, rotation_weight(block), dtype});
}

}  // namespace kvdiff::device
