#pragma once
#include "cache_backends/device/codec.h"

namespace kvdiff::device {

[[noreturn]] void refuse_to_save();  // a cache is saved where the host has it

// A store whose tokens lie on a device: kernels read it through its format. Sequences are one after another: row = sequence x
// KV heads + KV head.
class DeviceStore {
 public:
  virtual ~DeviceStore() = default;
  virtual Format format() const = 0;
};

}  // namespace kvdiff::device
