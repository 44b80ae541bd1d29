#include "harness/text/vocabulary.h"

#include <bit>

namespace kvdiff {

MergeMap::MergeMap(size_t merges) : slots_(std::bit_ceil(2 * merges + 2)) {}

uint64_t MergeMap::key_of(int32_t left, int32_t right) {
  return (uint64_t{static_cast<uint32_t>(left)} << 32) | static_cast<uint32_t>(right);
}

size_t MergeMap::slot_of(uint64_t key) const {
  const uint64_t mixed = key * 0x9E3779B97F4A7C15u;
  size_t slot = static_cast<size_t>(mixed ^ (mixed >> 32)) & (slots_.size() - 1);
  while (slots_[slot].key != empty && slots_[slot].key != key) slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

void MergeMap::insert(int32_t left, int32_t right, Merge merge) {
  const uint64_t key = key_of(left, right);
  slots_[slot_of(key)] = {key, merge};
}

const MergeMap::Merge* MergeMap::find(int32_t left, int32_t right) const {
  const uint64_t key = key_of(left, right);
  const Slot& slot = slots_[slot_of(key)];
  return slot.key == key ? &slot.merge : nullptr;
}

}  // namespace kvdiff
