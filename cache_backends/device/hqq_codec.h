#pragma once
#include "cache_backends/codecs/hqq_options.h"
#include "cache_backends/device/codec.h"

namespace kvdiff::device {

// HQQ on a device, every variant of it: the bits of the host's codec with the same options. Values, codes, scales and zeros
// stay in the device's memory; one number per turn of the solver, the tensor's mean error, comes back.
// Null for arithmetic=torch, which is ATen's on a CPU.
std::shared_ptr<const DeviceCodec> make_hqq_codec(const HqqOptions& options);

}  // namespace kvdiff::device
