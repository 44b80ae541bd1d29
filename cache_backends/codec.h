#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cache_backends/cache_spec.h"
#include "cache_backends/dtype.h"

namespace kvdiff {

namespace device {
class DeviceCodec;
}

// A tensor [batch, heads, tokens, head_size], row-major; heads are KV heads.
struct BlockShape {
  int64_t batch = 1, heads = 0, tokens = 0, head_size = 0;
  int64_t elements() const { return batch * heads * tokens * head_size; }
  bool operator==(const BlockShape&) const = default;
};

// One tensor, encoded. Scales and zeros are kept as floats that hold values of the type they are stored in.
struct EncodedBlock {
  BlockShape shape;
  Dtype dtype = Dtype::float16;   // the compute type: what decoded values are rounded to
  std::vector<std::byte> packed;  // the codes, packed as the peer packs them (our padding included)
  std::vector<float> scale;       // layout is the codec's own
  std::vector<float> zero;        // empty for symmetric codecs
};

// An encoded tensor wherever it lies: a block of its own, or one of many in a chunk of tokens.
struct EncodedView {
  BlockShape shape;
  Dtype dtype = Dtype::float16;
  std::span<const std::byte> packed;
  std::span<const float> scale, zero;
  EncodedView() = default;
  EncodedView(const EncodedBlock& block)  // NOLINT: a block is a view of itself
      : shape(block.shape), dtype(block.dtype), packed(block.packed), scale(block.scale), zero(block.zero) {}
};

// What is really held, in bytes; `codes` includes padding.
struct Bytes {
  int64_t codes = 0, scales = 0, zeros = 0, residual = 0;
  int64_t total() const { return codes + scales + zeros + residual; }
  Bytes& operator+=(const Bytes& other);
  bool operator==(const Bytes&) const = default;
};

// One legal key of a codec's spec: `bits`, its default and what it may be.
struct SpecKey {
  std::string name, default_value, help;
  std::vector<std::string> choices;  // empty: a positive integer
};

// What the peer would have done with this very block, had it been asked to.
struct PeerVerdict {
  bool raises = false;         // or is silently wrong
  bool silently_wrong = false;
  bool at_dequantize = false;  // the exception comes at the next update, not at this one
  std::string message;         // empty: the peer handles it
  std::string exception = {};  // its type, where it is known: ValueError
  bool operator==(const PeerVerdict&) const = default;
};

// Scales that a codec holds once for all of its blocks.
struct SharedScales {
  std::vector<float> scale, zero;
};

// K or V tensors <-> codes. Immutable and shared by all lanes; safe to call from several threads.
class Codec {
 public:
  virtual ~Codec() = default;
  // values: floats that hold values of `dtype`, shape.elements() of them. Throws UserError(usage) for a shape that the
  // format cannot hold (a group that does not divide).
  virtual EncodedBlock encode(std::span<const float> values, const BlockShape& shape, Dtype dtype) const = 0;
  // Flat elements [first, first + out.size()) of the block, dequantized and rounded as the peer rounds.
  virtual void decode(const EncodedView& block, int64_t first, std::span<float> out) const = 0;
  // One integer per element, in the order of the tensor.
  virtual std::vector<int32_t> codes(const EncodedView& block) const = 0;
  virtual Bytes bytes(const EncodedView& block) const = 0;
  // The same from the format's arithmetic alone: what bytes() is checked against.
  virtual Bytes expected_bytes(const BlockShape& shape, Dtype dtype) const = 0;
  virtual int64_t levels() const = 0;  // codes that the format has: 2^bits
  // Largest |decode(encode(x)) - x| that an honest encoder of this format may show for this block of values.
  virtual double error_bound(std::span<const float> values, const BlockShape& shape, Dtype dtype) const = 0;
  // Do tokens share a scale, so that one token alone is no unit to encode? No once the scale is frozen.
  virtual bool shares_scale() const { return false; }
  // The same format with its scales taken from these values and kept for all that follows. Null where every block has
  // scales of its own.
  virtual std::unique_ptr<Codec> frozen(std::span<const float>, const BlockShape&, Dtype) const { return nullptr; }
  // The scales that frozen() took; empty where it did not.
  virtual SharedScales shared_scales() const { return {}; }
  // What frozen() made, again from its shared_scales(). Null where frozen() is, and for scales that no block of such tokens
  // [B, H, 1, D] can have.
  virtual std::unique_ptr<Codec> with_scales(SharedScales, const BlockShape&) const { return nullptr; }
  // What the codec holds once for all of its blocks: frozen scales, which no block repeats.
  virtual Bytes shared_bytes() const { return {}; }
  virtual PeerVerdict peer_verdict(const BlockShape&) const { return {}; }
  // The same codec for values that lie on a device (device/codec.h). Null where there is none.
  virtual std::shared_ptr<const device::DeviceCodec> on_device() const { return nullptr; }
};

}  // namespace kvdiff
