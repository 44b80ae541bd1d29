#include "cache_backends/codecs/ggml.h"

#include <algorithm>
#include <cmath>

#include "cache_backends/codecs/error_bounds.h"
#include "cache_backends/codecs/ggml_blocks.h"
#include "cache_backends/codecs/spec_values.h"
#include "cache_backends/device/ggml_codec.h"
#include "cache_backends/kernels/integer.h"

namespace kvdiff {
namespace {

class GgmlCodec : public Codec {
 public:
  explicit GgmlCodec(const GgmlFormat& format) : format_(format) {}
  EncodedBlock encode(std::span<const float> values, const BlockShape& shape, Dtype dtype) const override;
  void decode(const EncodedView& block, int64_t first, std::span<float> out) const override;
  std::vector<int32_t> codes(const EncodedView& block) const override;
  // d and m are float16 whatever the compute type.
  Bytes bytes(const EncodedView& block) const override {
    return {static_cast<int64_t>(block.packed.size()), 2 * static_cast<int64_t>(block.scale.size()),
            2 * static_cast<int64_t>(block.zero.size()), 0};
  }
  Bytes expected_bytes(const BlockShape& shape, Dtype) const override {
    const int64_t blocks = shape.elements() / ggml_block;
    return {blocks * format_.packed(), 2 * blocks, format_.has_minimum ? 2 * blocks : 0, 0};
  }
  int64_t levels() const override { return int64_t{1} << format_.bits; }
  double error_bound(std::span<const float> values, const BlockShape& shape, Dtype dtype) const override;
  std::shared_ptr<const device::DeviceCodec> on_device() const override { return device::make_ggml_codec(format_); }

 private:
  double block_bound(const float* values, Dtype dtype) const;

  const GgmlFormat& format_;
};

EncodedBlock GgmlCodec::encode(std::span<const float> values, const BlockShape& shape, Dtype dtype) const {
  require_whole_blocks(format_, shape.head_size);
  const size_t blocks = values.size() / ggml_block;
  EncodedBlock encoded = {shape, dtype, std::vector<std::byte>(blocks * static_cast<size_t>(format_.packed())), {}, {}};
  auto* packed = reinterpret_cast<uint8_t*>(encoded.packed.data());
  for (size_t i = 0; i < blocks; ++i, packed += format_.packed()) {
    GgmlBlock block;
    format_.quantize(values.data() + i * ggml_block, block);
    pack_ggml(format_, block.codes, packed);
    encoded.scale.push_back(stored(Dtype::float16, block.scale));
    if (format_.has_minimum) encoded.zero.push_back(stored(Dtype::float16, block.minimum));
  }
  return encoded;
}

// Codes are spread to a byte each; the integer codecs' kernel does the rest: round(code * d + m).
void GgmlCodec::decode(const EncodedView& block, int64_t first, std::span<float> out) const {
  const auto decode_run = integer_kernels(active_simd()).decode;
  uint8_t codes[ggml_block];
  for (int64_t done = 0; done < static_cast<int64_t>(out.size());) {
    const int64_t index = (first + done) / ggml_block, skip = (first + done) % ggml_block;
    const int64_t count = std::min(ggml_block - skip, static_cast<int64_t>(out.size()) - done);
    unpack_ggml(format_, reinterpret_cast<const uint8_t*>(block.packed.data()) + index * format_.packed(), codes);
    if (format_.table)
      for (uint8_t& code : codes) code = static_cast<uint8_t>(iq4_nl_steps[code]);
    IntegerDecode how;
    how.packed = reinterpret_cast<const std::byte*>(codes) + skip;
    const bool is_signed = format_.table || format_.bits == 8;
    how.flip = is_signed ? 128 : 0;
    how.bias = is_signed ? 128 : format_.bias;
    how.scale = block.scale.data() + index;
    how.zero = format_.has_minimum ? block.zero.data() + index : nullptr;
    how.dtype = block.dtype;
    decode_run(how, count, out.data() + done);
    done += count;
  }
}

std::vector<int32_t> GgmlCodec::codes(const EncodedView& block) const {
  std::vector<int32_t> all;
  const auto* packed = reinterpret_cast<const uint8_t*>(block.packed.data());
  uint8_t codes[ggml_block];
  for (size_t i = 0; i < block.scale.size(); ++i, packed += format_.packed()) {
    unpack_ggml(format_, packed, codes);
    for (const uint8_t code : codes) all.push_back(format_.bits == 8 ? static_cast<int8_t>(code) : code);
  }
  return all;
}

double GgmlCodec::block_bound(const float* values, Dtype dtype) const {
  GgmlBlock block;
  format_.quantize(values, block);
  double end = 0;
  for (int64_t j = 0; j < ggml_block; ++j) {
    if (!std::isfinite(values[j])) return bounds::infinite;
    end = std::max(end, std::fabs(double{values[j]}));
  }
  return bounds::of_ggml({end, block.scale, block.minimum, format_.farthest_step(), format_.steps_off, format_.table}, dtype);
}

double GgmlCodec::error_bound(std::span<const float> values, const BlockShape& shape, Dtype dtype) const {
  require_whole_blocks(format_, shape.head_size);
  double bound = 0;
  for (size_t i = 0; i < values.size() / ggml_block; ++i)
    bound = std::max(bound, block_bound(values.data() + i * ggml_block, dtype));
  return bound;
}

}  // namespace

std::vector<SpecKey> ggml_keys() { return {}; }

std::unique_ptr<Codec> make_ggml(const SideSpec& spec, Side) { return std::make_unique<GgmlCodec>(ggml_format(spec.codec)); }

}  // namespace kvdiff
