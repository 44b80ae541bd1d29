#include "cache_backends/device/group_ranges.h"

#include <algorithm>

namespace kvdiff::device {
namespace {

int64_t pieces_of(const GroupWalk& walk) {
  return std::max<int64_t>(1, blocks_for(walk.inner * walk.outer, GroupRanges::piece));
}

GroupExtremes pass(Device& device, Span<const float> low, Span<const float> high, const GroupWalk& walk) {
  const int64_t pieces = pieces_of(walk);
  GroupExtremes found = {Array<float>(device, pieces * walk.groups), Array<float>(device, pieces * walk.groups)};
  launch<GroupRanges>(device, {low, high, span(found.smallest), span(found.largest), walk, pieces});
  return found;
}

}  // namespace

GroupExtremes extremes_of(Device& device, std::span<const float> values, const GroupWalk& walk) {
  const Span<const float> all = span(values);
  GroupExtremes found = pass(device, all, all, walk);
  for (int64_t pieces = pieces_of(walk); pieces > 1;) {
    GroupWalk joining;
    joining.groups = joining.low = walk.groups;
    joining.low_stride = 1;
    joining.inner = pieces;
    joining.inner_stride = walk.groups;
    found = pass(device, constant(found.smallest), constant(found.largest), joining);
    pieces = pieces_of(joining);
  }
  return found;
}

}  // namespace kvdiff::device
