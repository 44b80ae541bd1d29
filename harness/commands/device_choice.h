#pragma once
#include <memory>
#include <string>

#include "cache_backends/device/device.h"

namespace kvdiff {

// Where a run computes: auto, cpu, emulated, cuda, cuda:N.
struct DeviceChoice {
  std::shared_ptr<device::Device> device;  // null: the host's threads
  std::string name;                        // as reports say it: cpu
  std::string reason;                      // why auto took it
};
// `wanted`: a word that the options let through. Throws UserError(environment) where it cannot be had, with what is missing.
DeviceChoice choose_device(const std::string& wanted);

// In words, for kvdiff doctor: which devices there are, and what keeps the others away.
struct DeviceState {
  bool cuda = false;
  std::string text;
};
DeviceState device_state();

}  // namespace kvdiff
