#pragma once
#include "cache_backends/device/launch.h"

namespace kvdiff::device {

// The range of each group, on the device. A group without elements has infinity and -infinity.
struct GroupExtremes {
  Array<float> smallest, largest;  // [groups]
};
GroupExtremes extremes_of(Device& device, std::span<const float> values, const GroupWalk& walk);

}  // namespace kvdiff::device
