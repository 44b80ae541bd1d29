#pragma once
#include <memory>
#include <variant>

#include "cache_backends/codec.h"
#include "cache_backends/device/array.h"
#include "cache_backends/device/kernels/formats.cuh"

namespace kvdiff::device {

// One encoded tensor in the memory of a device: codec.h's EncodedBlock.
struct EncodedArrays {
  BlockShape shape;
  Dtype dtype = Dtype::float16;
  Array<uint8_t> packed;
  Array<float> scale, zero;
};

// How a store is read: one alternative per family of codecs. Those of codes also have code(row, token, d), the integer that
// Codec::codes gives.
using Format = std::variant<PlainFormat,
                            HqqFormat,
                            IntegerRowFormat,
                            AffineFormat,
                            GgmlBlockFormat,
                            Fp8Format>;

// A codec whose values and codes lie on a device; the bits are those of the host's codec with the same spec. Immutable.
// Codec::on_device() makes it.
class DeviceCodec {
 public:
  virtual ~DeviceCodec() = default;
  // values: device memory, shape.elements() of them. Throws as the host's codec does.
  virtual EncodedArrays encode(Device& device, std::span<const float> values, const BlockShape& shape, Dtype dtype) const = 0;
  // memory: of one store, whose tokens were encoded by this codec. The spans of a BlockStore hold its arrays and nothing else.
  virtual Format format(const EncodedMemory& memory) const = 0;
  // Codec::error_bound of each unit: `values` were encoded as bounds.size() units of equal size, side by side (one, or where
  // sequences_apart() as many as there are), and this is what came out. bounds[unit], bits of a double, rises to its bound.
  virtual void raise_bounds(Device& device, std::span<const float> values, const EncodedArrays& encoded,
                            Span<uint64_t> bounds) const = 0;
  // Does [n x batch, heads, 1, head_size] encode to what n tokens give, each alone as [batch, heads, 1, head_size], side by
  // side? Then a UnitStore fills with one call.
  virtual bool sequences_apart() const { return false; }
  // Codec::frozen for values on a device: the scales are found there; the codec that holds them has them there too, and its
  // on_device() reads them there. Null where every block has scales of its own.
  virtual std::unique_ptr<Codec> frozen(Device&, std::span<const float>, const BlockShape&) const { return nullptr; }
};

}  // namespace kvdiff::device
