#pragma once
#include "cache_backends/codecs/ggml_blocks.h"
#include "cache_backends/device/codec.h"

namespace kvdiff::device {

// llama.cpp's formats (codecs/ggml.h). `format` outlives the codec: ggml_format() gives it.
std::shared_ptr<const DeviceCodec> make_ggml_codec(const GgmlFormat& format);

}  // namespace kvdiff::device
