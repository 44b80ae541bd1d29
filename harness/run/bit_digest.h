#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace kvdiff {

class Compute;

// XXH3-64 of a growing series of floats: equal digests are equal bits (any NaN counts as the canonical one).
class FloatHash {
 public:
  FloatHash();
  FloatHash(const FloatHash& other);
  FloatHash& operator=(const FloatHash& other);
  FloatHash(FloatHash&&) noexcept = default;
  FloatHash& operator=(FloatHash&&) noexcept = default;

  void add(std::span<const float> values);
  uint64_t value() const;

 private:
  struct Free {
    void operator()(void* state) const;
  };
  std::unique_ptr<void, Free> state_;
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
