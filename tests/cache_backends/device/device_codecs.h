#pragma once
#include <bit>
#include <cmath>

#include "cache_backends/device/codec.h"
#include "tests/cache_backends/codecs/inputs.h"
#include "tests/catch.h"

// Codecs of the device beside those of the host, bit for bit.
namespace kvdiff::test {

inline bool same(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b) || (std::isnan(a) && std::isnan(b));
}
inline bool same(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](float x, float y) { return same(x, y); });
}

enum class Kind { usual, plain_rows, not_finite, extreme };
inline constexpr Kind kinds[] = {Kind::usual, Kind::plain_rows, Kind::not_finite, Kind::extreme};

// plain_rows: constants, zeros of both signs, subnormals, ties; not_finite: NaN and infinities here and there; extreme: what
// overflows on the way.
inline std::vector<float> drawn_as(Kind kind, const BlockShape& shape, Dtype dtype, uint32_t seed) {
  std::vector<float> values = drawn(shape, dtype, seed);
  std::mt19937 random(seed + 1);
  const float infinity = INFINITY, specials[] = {NAN, infinity, -infinity};
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t row = i / static_cast<size_t>(shape.head_size);
    if (kind == Kind::plain_rows && row % 6 == 0) values[i] = 0.75f;
    if (kind == Kind::plain_rows && row % 6 == 1) values[i] = random() % 2 ? 0.0f : -0.0f;
    if (kind == Kind::plain_rows && row % 6 == 2) values[i] *= 0x1p-130f;
    if (kind == Kind::plain_rows && row % 6 == 3) values[i] = static_cast<float>(static_cast<int>(random() % 31) - 15) * 0.5f;
    if (kind == Kind::plain_rows && row % 6 == 4 && random() % 3) values[i] = random() % 2 ? 0.0f : -0.0f;
    if (kind == Kind::not_finite && random() % 300 == 0) values[i] = specials[random() % 3];
    if (kind == Kind::extreme && row % 2) values[i] *= dtype == Dtype::float16 ? 1500.0f : 0x1p122f;
    if (kind == Kind::extreme && row % 8 == 2) values[i] *= 0x1p-20f;
    values[i] = std::isnan(values[i]) ? NAN : round_to(dtype, values[i]);
  }
  return values;
}

// What lies in a store, brought to the host.
struct Stored {
  std::vector<uint8_t> packed;
  std::vector<float> scale, zero;
};
template <typename T>
device::Span<const T> span_of(const std::vector<T>& all) { return {all.data(), static_cast<int64_t>(all.size())}; }

inline std::vector<float> to_host(device::Device& device, device::Span<const float>& there) {
  std::vector<float> here(static_cast<size_t>(there.size()));
  if (!here.empty()) device.copy_out(here.data(), there.data(), 4 * there.size());
  there = span_of(here);
  return here;
}

// All that a format reads of a store: [rows, tokens, head_size]. units: each token was encoded alone.
struct Read {
  std::vector<float> values;
  std::vector<int32_t> codes;
};
inline Read read(device::Device& device, const device::DeviceCodec& codec, const Stored& stored,
                               const BlockShape& shape, Dtype dtype, bool units) {
  const int64_t rows = shape.batch * shape.heads, apart = units ? shape.tokens : 0;
  const auto stride = [&](size_t size) { return apart > 0 ? static_cast<int64_t>(size) / apart : 0; };
  device::Format format = codec.format({span_of(stored.packed), span_of(stored.scale), span_of(stored.zero), rows,
                                        units ? 1 : shape.tokens, shape.head_size, stride(stored.packed.size()),
                                        stride(stored.scale.size()), stride(stored.zero.size()), dtype});
  std::vector<float> held_scale, held_zero;
  if (auto* integer = std::get_if<device::IntegerRowFormat>(&format)) {
    held_scale = to_host(device, integer->held_scale);
    held_zero = to_host(device, integer->held_zero);
  }
  Read out;
  std::visit([&](const auto& reads) {
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t token = 0; token < shape.tokens; ++token)
        for (int64_t d = 0; d < shape.head_size; ++d) {
          out.values.push_back(reads(row, token, d));
          if constexpr (requires { reads.code(row, token, d); }) out.codes.push_back(reads.code(row, token, d));
        }
  }, format);
  return out;
}

// The block, and each token alone where a token is a unit. Returns what does not agree, or nothing.
inline std::string difference(device::Device& device, const Codec& host, const device::DeviceCodec& codec,
                              std::span<const float> values, const BlockShape& shape, Dtype dtype) {
  const EncodedBlock expected = host.encode(values, shape, dtype);
  const device::Array<float> there(device, values);
  const device::EncodedArrays made = codec.encode(device, {there.data(), values.size()}, shape, dtype);
  const Stored stored = {made.packed.read(), made.scale.read(), made.zero.read()};
  if (made.shape != shape || made.dtype != dtype) return "shape or dtype";
  if (!same(stored.scale, expected.scale)) return "scale";
  if (!same(stored.zero, expected.zero)) return "zero";
  const auto* bytes = reinterpret_cast<const uint8_t*>(expected.packed.data());
  if (stored.packed != std::vector<uint8_t>(bytes, bytes + expected.packed.size())) return "packed";
  const Read back = read(device, codec, stored, shape, dtype, false);
  if (!same(back.values, decoded(host, expected))) return "what is read";
  if (back.codes != host.codes(expected)) return "codes";
  return "";
}

inline std::string difference_of_units(device::Device& device, const Codec& host, const device::DeviceCodec& codec,
                                       std::span<const float> values, const BlockShape& shape, Dtype dtype) {
  const BlockShape unit = {shape.batch, shape.heads, 1, shape.head_size};
  const size_t rows = static_cast<size_t>(shape.batch * shape.heads), columns = static_cast<size_t>(shape.head_size);
  const size_t tokens = static_cast<size_t>(shape.tokens);
  try {
    host.encode(std::vector<float>(rows * columns), unit, dtype);
  } catch (const UserError&) {
    return "";  // a token alone is no unit of this format: its groups do not divide it
  }
  Stored stored;
  std::vector<float> expected(values.size()), all_units;
  for (size_t token = 0; token < tokens; ++token) {
    std::vector<float> own;
    for (size_t row = 0; row < rows; ++row)
      own.insert(own.end(), values.begin() + (row * tokens + token) * columns, values.begin() + (row * tokens + token + 1) * columns);
    const device::Array<float> there(device, own);
    const device::EncodedArrays made = codec.encode(device, {there.data(), own.size()}, unit, dtype);
    const auto add = [](auto& all, const auto& part) { all.insert(all.end(), part.begin(), part.end()); };
    add(all_units, own);
    add(stored.packed, made.packed.read());
    add(stored.scale, made.scale.read());
    add(stored.zero, made.zero.read());
    const std::vector<float> back = decoded(host, host.encode(own, unit, dtype));
    for (size_t row = 0; row < rows; ++row)
      std::copy_n(back.begin() + row * columns, columns, expected.begin() + (row * tokens + token) * columns);
  }
  if (codec.sequences_apart()) {
    const BlockShape all = {shape.batch * shape.tokens, shape.heads, 1, shape.head_size};
    const device::Array<float> there(device, all_units);
    const device::EncodedArrays made = codec.encode(device, {there.data(), all_units.size()}, all, dtype);
    if (made.packed.read() != stored.packed || !same(made.scale.read(), stored.scale) || !same(made.zero.read(), stored.zero))
      return "units at once";
  }
  return same(read(device, codec, stored, shape, dtype, true).values, expected) ? "" : "what is read of units";
}

}  // namespace kvdiff::test
