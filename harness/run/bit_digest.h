#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cache_backends/device/array.h"

namespace kvdiff {

class Compute;

// Digest of a growing series of floats, on the host and on a device: equal digests are equal bits (any NaN counts as one).
//
// The sum, modulo 2^64, of a mixed number for each (index, bits), and the count. A sum has no order, so the series may be cut
// anywhere and its parts added up by any number of threads; the place of a value is in its term, so a series in another order
// has other terms. Two series that differ agree when the differences of their mixed terms add up to 0, which happens to one
// pair in 2^64 as far as mixed numbers are like random ones. That suffices to tell two runs apart; it is no defence against
// somebody who wants two series with one digest.
class FloatHash {
 public:
  FloatHash() = default;
  FloatHash(const FloatHash& other);  // what lies on a device is copied there; nobody waits
  FloatHash& operator=(const FloatHash& other);
  FloatHash(FloatHash&&) noexcept = default;
  FloatHash& operator=(FloatHash&&) noexcept = default;

  void add(std::span<const float> values);
  // values: memory of the device, which outlives this. Always the same device. Does not wait for it.
  void add(device::Device& device, std::span<const float> values);
  uint64_t value() const;  // waits for the device

 private:
  uint64_t sum() const;
  uint64_t sum_ = 0, count_ = 0;      // sum_: of what was added on the host
  device::Array<uint64_t> on_device_; // one number: of what was added there; empty before
};

// Of all K and V that a lane wrote (in the order of layer, token, head) and all logits that it saw.
struct StreamDigest {
  explicit StreamDigest(int64_t layers) : key(static_cast<size_t>(layers)), value(static_cast<size_t>(layers)) {}
  std::vector<FloatHash> key, value;
  FloatHash logits;
};

// Floats of a compute's memory.
void add_to_digest(const Compute& compute, FloatHash& hash, std::span<const float> values);

std::string hex(uint64_t value);
std::string hex_of_layers(const std::vector<FloatHash>& layers);

}  // namespace kvdiff
