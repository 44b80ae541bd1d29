#pragma once
#include <memory>

#include "cache_backends/device/gpu_status.h"
#include "cache_backends/device/device.h"

// Only in builds with KVDIFF_WITH_CUDA.
namespace kvdiff::device {

// Asks driver and runtime; makes no context and throws nothing.
CudaStatus cuda_status();

// The machine code of this build: cuda_launch.cu was compiled for these.
std::vector<Capability> built_capabilities();

// A GPU, with one stream on which launches and copies run in the order in which they were asked for, and another for the copies
// out that are started (cuda_copies.h). Nothing waits but copy_out, the wait() of a copy that was started, and copies to the GPU
// that are larger than the staging memory. Throws UserError(environment) where there is no such GPU, no driver, one
// that is too old, no machine code for it, or too little memory (there and later, from allocate). What fails on the GPU later is
// seen at the next call, at copy_out or wait() at the latest, and thrown as InternalError (or UserError(environment) where the machine is
// at fault: its memory, its watchdog); from then on every call but release throws.
std::unique_ptr<Device> make_cuda_device(int index);

}  // namespace kvdiff::device
