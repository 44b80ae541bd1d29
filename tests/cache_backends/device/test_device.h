#pragma once
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "cache_backends/device/device.h"
#ifdef KVDIFF_WITH_CUDA
#include "cache_backends/device/cuda_device.h"
#endif

namespace kvdiff::test {

// The device that the [device] tests compare with the host: emulated, or with KVDIFF_TEST_DEVICE=cuda the first GPU (./x gpu).
inline std::unique_ptr<device::Device> test_device() {
  const char* const asked = std::getenv("KVDIFF_TEST_DEVICE");
  const std::string name = asked && *asked ? asked : "emulated";
  if (name == "emulated") return device::make_emulated_device();
#ifdef KVDIFF_WITH_CUDA
  if (name == "cuda") return device::make_cuda_device(0);
#endif
  throw std::runtime_error("KVDIFF_TEST_DEVICE=" + name + ": expected emulated, or cuda in a build with CUDA");
}

}  // namespace kvdiff::test
