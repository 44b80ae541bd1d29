#include "harness/run/control_checks.h"

#include <utility>

#include "cache_backends/device/launch.h"

namespace kvdiff {
namespace {

constexpr int64_t room = 4096;  // comparisons

}  // namespace

void ControlChecks::compare(const ControlDifference& place, std::span<const float> reference, std::span<const float> control) {
  if (first_.found) return;
  device::Device* const device = compute_.device();
  if (!device) {
    if (!compute_.same_bits(reference, control)) first_ = {true, place.step, place.layer, place.stage};
    return;
  }
  if (differs_.size() == 0) {
    differs_ = device::Array<uint32_t>(*device, room);
    device->clear(differs_.data(), differs_.bytes());
  }
  const auto at = static_cast<int64_t>(asked_.size());
  const bool same_size = reference.size() == control.size();
  if (same_size) device::launch<device::SameBits>(*device, {device::span(reference), device::span(control), {differs_.data() + at, 1}});
  asked_.push_back({place, !same_size});
  if (at + 1 == room) turn(*device);
}

// Starts the copy of what was asked for, and looks at what was on its way before.
void ControlChecks::turn(device::Device& device) {
  Batch full = {std::exchange(asked_, {}), {}};
  if (!full.checks.empty()) {
    full.differs = differs_.start_read(0, static_cast<int64_t>(full.checks.size()));
    device.clear(differs_.data(), differs_.bytes());
  }
  look_at(std::exchange(coming_, std::move(full)));
}

void ControlChecks::look_at(const Batch& batch) {
  const std::span<const uint32_t> differs = batch.differs.wait();
  for (size_t i = 0; i < batch.checks.size() && !first_.found; ++i)
    if (differs[i] != 0 || batch.checks[i].other_size) {
      first_ = batch.checks[i].place;
      first_.found = true;
    }
}

ControlDifference ControlChecks::first() {
  if (device::Device* const device = compute_.device())
    for (int i = 0; i < 2; ++i) turn(*device);  // what was asked for, and then what this started
  return first_;
}

}  // namespace kvdiff
