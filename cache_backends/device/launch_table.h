#pragma once
#include "cache_backends/device/emulator/emulator.h"
#include "cache_backends/device/kernels/list.h"

namespace kvdiff::device {

// How a kernel is started on each device. Both columns are made from kernels/list.h, so no kernel can be in one and not in
// the other. `arguments` points to the kernel's own Arguments.
struct EmulatedLaunch {
  const char* name = "";   // of the kernel; rows that differ in a type alone have one name
  const char* row = "";    // in list.h
  void (*run)(Emulator& emulator, const Geometry& geometry, const void* arguments) = nullptr;
};
const EmulatedLaunch& emulated_launch(KernelId id);

}  // namespace kvdiff::device
