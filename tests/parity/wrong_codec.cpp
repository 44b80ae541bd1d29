#include "tests/parity/wrong_codec.h"

#include <cmath>
#include <limits>

#include "cache_backends/error.h"
#include "cache_backends/registry.h"
#include "tests/parity/codec_wrapper.h"
#include "tests/parity/wrong_hqq.h"

namespace kvdiff::parity {
namespace {

class WrongScale : public CodecWrapper {
 public:
  using CodecWrapper::CodecWrapper;
  EncodedBlock encode(std::span<const float> values, const BlockShape& shape, Dtype dtype) const override {
    EncodedBlock block = CodecWrapper::encode(values, shape, dtype);
    if (block.scale.empty()) return block;  // frozen scales belong to the codec
    float& last = block.scale.back();
    last = std::nextafter(last, std::numeric_limits<float>::infinity());
    return block;
  }
};

class SwappedNibbles : public CodecWrapper {
 public:
  using CodecWrapper::CodecWrapper;
  EncodedBlock encode(std::span<const float> values, const BlockShape& shape, Dtype dtype) const override {
    EncodedBlock block = CodecWrapper::encode(values, shape, dtype);
    for (std::byte& byte : block.packed) byte = (byte << 4) | (byte >> 4);
    return block;
  }
};

std::unique_ptr<Codec> made(const SideSpec& spec, Side side) { return find_codec(spec.codec).make(spec, side); }

std::unique_ptr<Codec> truncating(SideSpec spec, Side side) {
  if (spec.codec == "hqq") return make_wrong_hqq(spec, side, true);
  spec.values.at("round") = "truncate";
  return made(spec, side);
}

}  // namespace

std::unique_ptr<Codec> codec_with_fault(const SideSpec& spec, Side side, const std::string& fault) {
  if (fault.empty()) return made(spec, side);
  if (fault == "scale") return std::make_unique<WrongScale>(made(spec, side));
  if (fault == "nibbles") return std::make_unique<SwappedNibbles>(made(spec, side));
  if (fault == "truncate" && (spec.codec == "hqq" || spec.values.contains("round"))) return truncating(spec, side);
  if (fault == "ascending" && spec.codec == "hqq") return make_wrong_hqq(spec, side, false);
  throw UserError(ExitCode::usage, "no planted fault '" + fault + "' for " + spec.codec);
}

}  // namespace kvdiff::parity
