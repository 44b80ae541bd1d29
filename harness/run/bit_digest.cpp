#include "harness/run/bit_digest.h"

#include <fmt/format.h>

#include "cache_backends/device/launch.h"
#include "cache_backends/kernels/bit_mixing.h"
#include "harness/model/compute.h"
#include "harness/run/kernels/bit_sums.h"

namespace kvdiff {

FloatHash::FloatHash(const FloatHash& other) : sum_(other.sum_), count_(other.count_), on_device_(other.on_device_.copy()) {}
FloatHash& FloatHash::operator=(const FloatHash& other) { return *this = FloatHash(other); }

void FloatHash::add(std::span<const float> values) {
  sum_ += bit_sum()(values.data(), static_cast<int64_t>(values.size()), count_);
  count_ += values.size();
}

void FloatHash::add(device::Device& device, std::span<const float> values) {
  if (on_device_.size() == 0) {
    on_device_ = device::Array<uint64_t>(device, 1);
    device.clear(on_device_.data(), on_device_.bytes());
  }
  device::launch<device::DigestBits>(device, {device::span(values), device::span(on_device_), count_});
  count_ += values.size();
}

uint64_t FloatHash::sum() const { return on_device_.size() == 0 ? sum_ : sum_ + on_device_.read()[0]; }

uint64_t FloatHash::value() const { return mixed(sum() + mixed(count_)); }

void add_to_digest(const Compute& compute, FloatHash& hash, std::span<const float> values) {
  if (compute.device()) hash.add(*compute.device(), values);
  else hash.add(values);
}

std::string hex(uint64_t value) { return fmt::format("{:016x}", value); }

std::string hex_of_layers(const std::vector<FloatHash>& layers) {
  uint64_t sum = 0;
  for (size_t layer = 0; layer < layers.size(); ++layer)
    sum += mixed(mixed(layer + 1) + layers[layer].value());
  return hex(mixed(sum));
}

}  // namespace kvdiff
