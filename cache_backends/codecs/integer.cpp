#include "cache_backends/codecs/integer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cache_backends/codecs/error_bounds.h"
#include "cache_backends/codecs/integer_scales.h"
#include "cache_backends/codecs/lmdeploy.h"
#include "cache_backends/codecs/spec_values.h"
#include "cache_backends/device/integer_codec.h"
#include "cache_backends/error.h"

namespace kvdiff {
namespace {

class IntegerCodec : public Codec {
 public:
  IntegerCodec(const IntegerFormat& format, Rounding round) : format_(format), round_(round) {}
  // With scales taken from another block, for good.
  IntegerCodec(const IntegerFormat& format, Rounding round, IntegerScales scales,
               std::shared_ptr<const device::DeviceCodec> on_device)
      : format_(format), round_(round), held_(std::move(scales)), on_device_(std::move(on_device)) {}

  EncodedBlock encode(std::span<const float> values, const BlockShape& shape, Dtype dtype) const override;
  void decode(const EncodedView& block, int64_t first, std::span<float> out) const override;
  std::vector<int32_t> codes(const EncodedView& block) const override;
  Bytes bytes(const EncodedView& block) const override {
    return {static_cast<int64_t>(block.packed.size()), 4 * static_cast<int64_t>(block.scale.size()),
            4 * static_cast<int64_t>(block.zero.size()), 0};
  }
  Bytes expected_bytes(const BlockShape& shape, Dtype dtype) const override;
  int64_t levels() const override { return int64_t{1} << format_.bits; }
  double error_bound(std::span<const float> values, const BlockShape& shape, Dtype dtype) const override;
  bool shares_scale() const override { return spans_tokens() && !holds_scales(); }
  std::unique_ptr<Codec> frozen(std::span<const float> values, const BlockShape& shape, Dtype) const override;
  SharedScales shared_scales() const override { return {held_.scale, held_.zero}; }
  std::unique_ptr<Codec> with_scales(SharedScales scales, const BlockShape& row) const override;
  Bytes shared_bytes() const override {
    return {0, 4 * static_cast<int64_t>(held_.scale.size()), 4 * static_cast<int64_t>(held_.zero.size()), 0};
  }
  std::shared_ptr<const device::DeviceCodec> on_device() const override {
    return on_device_ ? on_device_ : device::make_integer_codec(format_, round_, held_);
  }

 private:
  bool holds_scales() const { return !held_.scale.empty(); }
  bool spans_tokens() const { return format_.per == IntegerPer::channel || format_.per == IntegerPer::tensor; }
  ScaleLayout layout(const BlockShape& shape) const { return {shape, format_.per, holds_scales()}; }
  int64_t half(const BlockShape& shape) const { return (shape.head_size + 1) / 2; }
  int64_t row_bytes(const BlockShape& shape) const { return format_.bits == 8 ? shape.head_size : half(shape); }
  IntegerDecode row_decoder(const EncodedView& block, int64_t row, int64_t column) const;
  double row_bound(const float* row, int64_t count, const float* scale, const float* zero, Dtype dtype) const;

  IntegerFormat format_;
  Rounding round_;
  IntegerScales held_;  // frozen; empty while every block has its own
  std::shared_ptr<const device::DeviceCodec> on_device_;  // where they were found on a device
};

// Two codes per byte: the halves of a row side by side.
void pack_nibbles(std::span<const int8_t> codes, int bias, std::byte* packed) {
  const size_t half = (codes.size() + 1) / 2;
  for (size_t d = 0; d < half; ++d) {
    const int low = codes[d] + bias;
    const int high = d + half < codes.size() ? codes[d + half] + bias : 0;
    packed[d] = static_cast<std::byte>(low | (high << 4));
  }
}

EncodedBlock IntegerCodec::encode(std::span<const float> values, const BlockShape& shape, Dtype dtype) const {
  if (holds_scales()) require_held_shape(held_, layout(shape));
  const IntegerScales own = holds_scales() ? IntegerScales{} : integer_scales(format_, layout(shape), values);
  const IntegerScales& scales = holds_scales() ? held_ : own;
  std::vector<float> steps = scales.scale;
  if (!format_.offset)
    for (float& step : steps) step = 1.0f / step;

  EncodedBlock block = {shape, dtype, {}, {}, {}};
  const int64_t columns = shape.head_size, rows = columns == 0 ? 0 : shape.elements() / columns;
  block.packed.resize(static_cast<size_t>(rows * row_bytes(shape)));
  std::vector<int8_t> codes(static_cast<size_t>(columns));
  const auto encode_row = integer_kernels(active_simd()).encode;
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t at = layout(shape).at(row);
    const IntegerEncode how = {steps.data() + at,  format_.offset ? scales.zero.data() + at : nullptr,
                               format_.per == IntegerPer::channel, round_, format_.smallest(), format_.largest()};
    encode_row(how, values.data() + row * columns, columns, codes.data());
    std::byte* packed = block.packed.data() + row * row_bytes(shape);
    if (format_.bits == 4) pack_nibbles(codes, format_.offset ? 0 : 8, packed);
    else std::transform(codes.begin(), codes.end(), packed, [](int8_t code) { return static_cast<std::byte>(code); });
  }
  block.scale = own.scale;
  block.zero = own.zero;
  return block;
}

// A decoder for the values of one row from `column` on, up to the end of the half that it lies in.
IntegerDecode IntegerCodec::row_decoder(const EncodedView& block, int64_t row, int64_t column) const {
  const int64_t at = layout(block.shape).at(row);
  const int64_t step = format_.per == IntegerPer::channel ? at + column : at;
  const float* scale = holds_scales() ? held_.scale.data() : block.scale.data();
  const float* zero = holds_scales() ? held_.zero.data() : block.zero.data();
  IntegerDecode how;
  how.packed = block.packed.data() + row * row_bytes(block.shape) + column;
  how.scale = scale + step;
  how.zero = format_.offset ? zero + step : nullptr;
  how.per_column = format_.per == IntegerPer::channel;
  how.dtype = block.dtype;
  if (format_.bits == 8) {
    how.flip = how.bias = format_.offset ? 0 : 128;
    return how;
  }
  how.mask = 15;
  how.bias = format_.offset ? 0 : 8;
  if (column >= half(block.shape)) {
    how.packed -= half(block.shape);
    how.shift = 4;
  }
  return how;
}

void IntegerCodec::decode(const EncodedView& block, int64_t first, std::span<float> out) const {
  const auto decode_row = integer_kernels(active_simd()).decode;
  const int64_t columns = block.shape.head_size, middle = format_.bits == 8 ? columns : half(block.shape);
  int64_t left = static_cast<int64_t>(out.size());
  for (float* next = out.data(); left > 0;) {
    const int64_t row = first / columns, column = first % columns;
    const int64_t run = std::min((column < middle ? middle : columns) - column, left);
    decode_row(row_decoder(block, row, column), run, next);
    first += run;
    next += run;
    left -= run;
  }
}

std::vector<int32_t> IntegerCodec::codes(const EncodedView& block) const {
  std::vector<int32_t> codes(static_cast<size_t>(block.shape.elements()));
  const int64_t columns = block.shape.head_size;
  for (int64_t i = 0; i < static_cast<int64_t>(codes.size()); ++i) {
    const IntegerDecode how = row_decoder(block, i / columns, i % columns);
    codes[i] = (((static_cast<int>(*how.packed) >> how.shift) & how.mask) ^ how.flip) - how.bias;
  }
  return codes;
}

Bytes IntegerCodec::expected_bytes(const BlockShape& shape, Dtype) const {
  const int64_t rows = shape.batch * shape.heads * shape.tokens;
  const int64_t per_row = format_.bits == 8 ? shape.head_size : (shape.head_size + 1) / 2;
  const int64_t scales = holds_scales() ? 0 : 4 * layout(shape).count();
  return {rows * per_row, scales, format_.offset ? scales : 0, 0};
}

double IntegerCodec::row_bound(const float* row, int64_t count, const float* scale, const float* zero,
                               Dtype dtype) const {
  double bound = 0;
  for (int64_t i = 0; i < count; ++i) {
    const size_t at = format_.per == IntegerPer::channel ? static_cast<size_t>(i) : 0;
    const bounds::IntegerStep how = {scale[at], format_.offset ? zero[at] : 0.0, format_.smallest(), format_.largest()};
    bound = std::max(bound, bounds::of_integer(row[i], how, round_, dtype));
  }
  return bound;
}

double IntegerCodec::error_bound(std::span<const float> values, const BlockShape& shape, Dtype dtype) const {
  if (holds_scales()) require_held_shape(held_, layout(shape));
  const IntegerScales own = holds_scales() ? IntegerScales{} : integer_scales(format_, layout(shape), values);
  const IntegerScales& scales = holds_scales() ? held_ : own;
  const int64_t columns = shape.head_size, rows = columns == 0 ? 0 : shape.elements() / columns;
  double bound = 0;
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t at = layout(shape).at(row);
    const float* zero = format_.offset ? scales.zero.data() + at : nullptr;
    bound = std::max(bound, row_bound(values.data() + row * columns, columns, scales.scale.data() + at, zero, dtype));
  }
  return bound;
}

std::unique_ptr<Codec> IntegerCodec::frozen(std::span<const float> values, const BlockShape& shape, Dtype) const {
  if (!format_.frozen || holds_scales()) return nullptr;
  const ScaleLayout shared = {shape, format_.per, true};
  return make_frozen_integer(format_, round_, integer_scales(format_, shared, values), nullptr);
}

std::unique_ptr<Codec> IntegerCodec::with_scales(SharedScales scales, const BlockShape& row) const {
  const auto count = static_cast<size_t>(ScaleLayout{row, format_.per, true}.count());
  const bool fit = scales.scale.size() == count && scales.zero.size() == (format_.offset ? count : 0);
  if (!format_.frozen || holds_scales() || !fit) return nullptr;
  return std::make_unique<IntegerCodec>(format_, round_, IntegerScales{std::move(scales.scale), std::move(scales.zero)}, nullptr);
}

template <typename Value>
Value chosen(const std::string& text, std::initializer_list<std::pair<std::string_view, Value>> table) {
  for (const auto& [name, value] : table)
    if (name == text) return value;
  throw InternalError("no meaning for '" + text + "'");
}

// scheme=lmdeploy is a formula of its own, with nothing left to choose.
void require_plain(const SideSpec& spec, const std::vector<SpecKey>& keys) {
  for (const SpecKey& key : keys) {
    const std::string value = choice_value(spec, keys, key.name);
    if (key.name == "scheme" || value == key.default_value) continue;
    throw UserError(ExitCode::usage,
                    fmt::format("{}: found {}={} with scheme=lmdeploy, expected {}: LMDeploy has one dynamic scale per token "
                                "and head, and rounds halves up; leave {} out, or choose scheme=zero",
                                spec.codec, key.name, value, key.default_value, key.name));
  }
}

std::unique_ptr<Codec> make_integer(const SideSpec& spec, int bits) {
  const auto keys = integer_keys();
  if (choice_value(spec, keys, "scheme") == "lmdeploy") {
    require_plain(spec, keys);
    return make_lmdeploy(bits);
  }
  IntegerFormat format;
  format.bits = bits;
  format.per = chosen<IntegerPer>(choice_value(spec, keys, "per"), {{"token-head", IntegerPer::token_head},
                                                                    {"token", IntegerPer::token},
                                                                    {"channel", IntegerPer::channel},
                                                                    {"tensor", IntegerPer::tensor}});
  format.offset = choice_value(spec, keys, "scheme") == "zero";
  format.frozen = choice_value(spec, keys, "scale") == "frozen";
  const bool within_token = format.per == IntegerPer::token_head || format.per == IntegerPer::token;
  if (format.frozen && within_token)
    throw UserError(ExitCode::usage,
                    fmt::format("{}: scale=frozen with per={}: a scale that belongs to one token has nothing to be kept "
                                "for; use per=channel or per=tensor, or leave scale out",
                                spec.codec, choice_value(spec, keys, "per")));
  const Rounding round = chosen<Rounding>(
      choice_value(spec, keys, "round"),
      {{"even", Rounding::even}, {"away", Rounding::away}, {"truncate", Rounding::truncate}});
  return std::make_unique<IntegerCodec>(format, round);
}

}  // namespace

std::vector<SpecKey> integer_keys() {
  return {
      {"per", "token-head", "what shares a scale", {"token-head", "token", "channel", "tensor"}},
      {"scheme", "symmetric",
       "symmetric: zero is code 0; zero: an offset is kept; lmdeploy: LMDeploy's PyTorch engine, to its roundings",
       {"symmetric", "zero", "lmdeploy"}},
      {"round", "even", "to the nearest (ties to even, or away from zero), or toward zero", {"even", "away", "truncate"}},
      {"scale", "dynamic", "dynamic: of each encoded block; frozen: of the first one, for good", {"dynamic", "frozen"}},
  };
}

std::unique_ptr<Codec> make_frozen_integer(const IntegerFormat& format, Rounding round, IntegerScales scales,
                                           std::shared_ptr<const device::DeviceCodec> on_device) {
  return std::make_unique<IntegerCodec>(format, round, std::move(scales), std::move(on_device));
}

std::unique_ptr<Codec> make_int8(const SideSpec& spec, Side) { return make_integer(spec, 8); }
std::unique_ptr<Codec> make_int4(const SideSpec& spec, Side) { return make_integer(spec, 4); }

}  // namespace kvdiff
