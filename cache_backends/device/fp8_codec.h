#pragma once
#include <optional>

#include "cache_backends/codecs/fp8.h"
#include "cache_backends/device/codec.h"

namespace kvdiff::device {

// 8-bit floats (codecs/fp8.h). held: the scale of everything, where it is known already.
std::shared_ptr<const DeviceCodec> make_fp8_codec(const Fp8Rules& rules, std::optional<float> held);

}  // namespace kvdiff::device
