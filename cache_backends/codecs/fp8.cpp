#include "cache_backends/codecs/fp8.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "cache_backends/codecs/error_bounds.h"
#include "cache_backends/codecs/spec_values.h"
#include "cache_backends/device/fp8_codec.h"
#include "cache_backends/error.h"
#include "cache_backends/fp8.h"
#include "cache_backends/storage.h"

namespace kvdiff {
namespace {

std::array<float, 256> values_of(bool e5m2) {
  std::array<float, 256> values;
  for (size_t code = 0; code < 256; ++code)
    values[code] = e5m2 ? from_e5m2_bits(static_cast<uint8_t>(code)) : from_e4m3_bits(static_cast<uint8_t>(code));
  return values;
}

// Through the bits of the type, since the conversions come in vectors.
void round_all(Dtype dtype, float* values, int64_t count) {
  std::array<std::byte, 1024> bits;
  for (int64_t done = 0; done < count; done += 256) {
    const int64_t part = std::min<int64_t>(256, count - done);
    store(dtype, values + done, part, bits.data());
    load(dtype, bits.data(), part, values + done);
  }
}

class Fp8Codec : public Codec {
 public:
  // held: the scale of everything, if it is known already.
  Fp8Codec(const Fp8Rules& format, std::vector<float> held, bool counts_held)
      : format_(format), held_(std::move(held)), counts_held_(counts_held), values_(values_of(format.e5m2)) {}

  EncodedBlock encode(std::span<const float> values, const BlockShape& shape, Dtype dtype) const override;
  void decode(const EncodedView& block, int64_t first, std::span<float> out) const override;
  std::vector<int32_t> codes(const EncodedView& block) const override {
    const auto* bytes = reinterpret_cast<const uint8_t*>(block.packed.data());
    return {bytes, bytes + block.packed.size()};
  }
  Bytes bytes(const EncodedView& block) const override {
    return {static_cast<int64_t>(block.packed.size()), 4 * static_cast<int64_t>(block.scale.size()), 0, 0};
  }
  Bytes expected_bytes(const BlockShape& shape, Dtype) const override {
    const int64_t rows = shape.batch * shape.heads * shape.tokens;
    return {shape.elements(), held_.empty() ? 4 * (format_.per_token_head ? rows : 1) : 0, 0, 0};
  }
  int64_t levels() const override { return 256; }
  double error_bound(std::span<const float> values, const BlockShape& shape, Dtype dtype) const override;
  bool shares_scale() const override { return !format_.per_token_head && held_.empty(); }
  std::unique_ptr<Codec> frozen(std::span<const float> values, const BlockShape&, Dtype) const override {
    if (!format_.frozen || !held_.empty()) return nullptr;
    return make_frozen_fp8(format_, scale_of(values));
  }
  SharedScales shared_scales() const override { return {counts_held_ ? held_ : std::vector<float>{}, {}}; }
  std::unique_ptr<Codec> with_scales(SharedScales scales, const BlockShape&) const override {
    if (!format_.frozen || !held_.empty() || scales.scale.size() != 1 || !scales.zero.empty()) return nullptr;
    return std::make_unique<Fp8Codec>(format_, std::move(scales.scale), true);
  }
  Bytes shared_bytes() const override { return {0, counts_held_ ? 4 : 0, 0, 0}; }
  std::shared_ptr<const device::DeviceCodec> on_device() const override {
    return device::make_fp8_codec(format_, held_.empty() ? std::nullopt : std::optional(held_.front()));
  }

 private:
  float scale_of(std::span<const float> values) const;
  std::vector<float> scales(std::span<const float> values, const BlockShape& shape) const;
  int64_t run(const BlockShape& shape) const {  // values that share a scale
    return format_.per_token_head ? std::max<int64_t>(shape.head_size, 1) : std::max<int64_t>(shape.elements(), 1);
  }

  Fp8Rules format_;
  std::vector<float> held_;
  bool counts_held_;
  std::array<float, 256> values_;
};

float Fp8Codec::scale_of(std::span<const float> values) const {
  float largest = 0;
  for (const float value : values) largest = std::isnan(largest) || std::fabs(value) <= largest ? largest : std::fabs(value);
  const float scale = largest / format_.divisor;
  return stored(Dtype::float32, scale < format_.least ? format_.least : scale);
}

std::vector<float> Fp8Codec::scales(std::span<const float> values, const BlockShape& shape) const {
  if (!held_.empty()) return held_;
  const size_t length = static_cast<size_t>(run(shape));
  std::vector<float> scales;
  for (size_t first = 0; first < values.size(); first += length) scales.push_back(scale_of(values.subspan(first, length)));
  if (scales.empty() && !format_.per_token_head) scales.push_back(scale_of(values));
  return scales;
}

EncodedBlock Fp8Codec::encode(std::span<const float> values, const BlockShape& shape, Dtype dtype) const {
  std::vector<float> scales = this->scales(values, shape);
  EncodedBlock block = {shape, dtype, std::vector<std::byte>(values.size()), {}, {}};
  const float largest = format_.largest();
  const size_t length = static_cast<size_t>(run(shape));
  for (size_t i = 0; i < values.size(); ++i) {
    const float scale = scales[i / length];
    const float scaled = format_.by_reciprocal ? values[i] * (1.0f / scale) : values[i] / scale;
    const float kept = scaled > largest ? largest : scaled < -largest ? -largest : scaled;  // NaN passes
    block.packed[i] = static_cast<std::byte>(format_.e5m2 ? e5m2_bits(kept) : e4m3_bits(kept));
  }
  if (held_.empty()) block.scale = std::move(scales);
  return block;
}

void Fp8Codec::decode(const EncodedView& block, int64_t first, std::span<float> out) const {
  const auto* codes = reinterpret_cast<const uint8_t*>(block.packed.data()) + first;
  const std::span<const float> scales = held_.empty() ? block.scale : std::span<const float>(held_);
  const int64_t count = static_cast<int64_t>(out.size()), length = run(block.shape);
  for (int64_t done = 0; done < count;) {
    const int64_t group = (first + done) / length, end = std::min(count, (group + 1) * length - first);
    const float scale = scales[static_cast<size_t>(group)];
    for (; done < end; ++done) out[static_cast<size_t>(done)] = values_[codes[done]] * scale;
  }
  round_all(block.dtype, out.data(), count);
  for (float& value : out) value = stored(Dtype::float32, value);
}

double Fp8Codec::error_bound(std::span<const float> values, const BlockShape& shape, Dtype dtype) const {
  const std::vector<float> scales = this->scales(values, shape);
  const size_t length = static_cast<size_t>(run(shape));
  double bound = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const bounds::Fp8Step how = {scales[i / length], format_.largest(), format_.half_unit(), format_.smallest()};
    bound = std::max(bound, bounds::of_fp8(values[i], how, dtype));
  }
  return bound;
}

}  // namespace

std::vector<SpecKey> fp8_keys() {
  return {
      {"format", "e4m3", "e4m3: 3 bits of mantissa, up to 448; e5m2: 2 bits, up to 57344", {"e4m3", "e5m2"}},
      {"per", "token-head", "what shares a scale", {"token-head", "tensor"}},
      {"scale", "auto", "dynamic: of each encoded block; frozen: of the first one, for good; 1; auto: dynamic per "
       "token-head, 1 per tensor, as vLLM", {"auto", "dynamic", "frozen", "1"}},
  };
}

std::vector<SpecKey> hf_fp8_keys() { return {}; }

std::unique_ptr<Codec> make_fp8(const SideSpec& spec, Side side) {
  const auto keys = fp8_keys();
  const std::string scale = choice_value(spec, keys, "scale");
  Fp8Rules format;
  format.e5m2 = choice_value(spec, keys, "format") == "e5m2";
  format.per_token_head = choice_value(spec, keys, "per") == "token-head";
  format.divisor = format.largest();
  if (format.per_token_head && (scale == "frozen" || scale == "1"))
    throw UserError(ExitCode::usage, fmt::format("{}: scale={} with per=token-head: a scale that belongs to one token and head "
                                                 "is its own; use per=tensor, or leave scale out", spec.codec, scale));
  if (format.per_token_head || scale == "dynamic") return std::make_unique<Fp8Codec>(format, std::vector<float>{}, false);
  format.by_reciprocal = false;
  format.frozen = scale == "frozen";
  if (!format.frozen) return std::make_unique<Fp8Codec>(format, std::vector<float>{1.0f}, false);
  format.divisor = side == Side::key ? 200.0f : 100.0f;
  format.least = std::numeric_limits<float>::min();
  return std::make_unique<Fp8Codec>(format, std::vector<float>{}, false);
}

std::unique_ptr<Codec> make_frozen_fp8(const Fp8Rules& rules, float scale) {
  return std::make_unique<Fp8Codec>(rules, std::vector<float>{scale}, true);
}

std::unique_ptr<Codec> make_hf_fp8(const SideSpec&, Side) {
  Fp8Rules format;
  format.frozen = true;
  format.least = std::numeric_limits<float>::min();
  format.by_reciprocal = false;
  return std::make_unique<Fp8Codec>(format, std::vector<float>{}, false);
}

}  // namespace kvdiff
