#pragma once
#include "cache_backends/codecs/integer_scales.h"
#include "cache_backends/device/codec.h"

namespace kvdiff::device {

// int8 and int4 (codecs/integer.h). held: scales that were frozen before, one block's for all; they go to the memory of the
// device that encodes first, and that device alone.
std::shared_ptr<const DeviceCodec> make_integer_codec(const kvdiff::IntegerFormat& format, Rounding round,
                                                      const IntegerScales& held = {});

}  // namespace kvdiff::device
