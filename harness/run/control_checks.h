#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "cache_backends/device/array.h"
#include "harness/model/compute.h"
#include "harness/observer.h"

namespace kvdiff {

// Where the control's K or V first differed from the reference's: never, in a sound run.
struct ControlDifference {
  bool found = false;
  int64_t step = 0;
  int layer = -1;  // -1: the logits
  Stage stage = Stage::logits;
};

// Comparisons of the control with the reference, one after another. What lies on a device is compared there, and nobody waits
// for it: whether bits differ comes over for thousands of comparisons at once. One thread at a time.
class ControlChecks {
 public:
  explicit ControlChecks(const Compute& compute) : compute_(compute) {}
  // The spans lie in the compute's memory and may be written to as soon as this returns. After a difference is known, nothing.
  void compare(const ControlDifference& place, std::span<const float> reference, std::span<const float> control);
  bool known() const { return first_.found; }  // of those that were looked at so far
  // The first of all comparisons that found a difference, in the order in which they were asked for. Waits for the device.
  ControlDifference first();

 private:
  struct Check {
    ControlDifference place;
    bool other_size = false;
  };
  struct Batch {
    std::vector<Check> checks;
    device::Reading<uint32_t> differs;  // [checks]
  };
  void turn(device::Device& device);
  void look_at(const Batch& batch);

  const Compute& compute_;
  ControlDifference first_;
  std::vector<Check> asked_;
  device::Array<uint32_t> differs_;  // by asked_; 0 or 1
  Batch coming_;
};

}  // namespace kvdiff
