#include "tests/parity/wrong_codec.h"

#include <cmath>
#include <limits>

#include "cache_backends/error.h"

namespace kvdiff::parity {
namespace {

class WrongCodec : public Codec {
 public:
  WrongCodec(std::unique_ptr<Codec> codec, std::string fault) : codec_(std::move(codec)), fault_(std::move(fault)) {}

  EncodedBlock encode(std::span<const float> values, const BlockShape& shape, Dtype dtype) const override {
    EncodedBlock block = codec_->encode(values, shape, dtype);
    if (fault_ == "scale" && !block.scale.empty())
      block.scale.back() = std::nextafter(block.scale.back(), std::numeric_limits<float>::infinity());
    if (fault_ == "nibbles") {
      for (std::byte& byte : block.packed) byte = (byte << 4) | (byte >> 4);
    }
    if (fault_ == "truncate") lower(block, values);
    return block;
  }
  void decode(const EncodedView& block, int64_t first, std::span<float> out) const override {
    codec_->decode(block, first, out);
  }
  std::vector<int32_t> codes(const EncodedView& block) const override { return codec_->codes(block); }
  Bytes bytes(const EncodedView& block) const override { return codec_->bytes(block); }
  Bytes expected_bytes(const BlockShape& shape, Dtype dtype) const override { return codec_->expected_bytes(shape, dtype); }
  int64_t levels() const override { return codec_->levels(); }
  double error_bound(std::span<const float> values, const BlockShape& shape, Dtype dtype) const override {
    return codec_->error_bound(values, shape, dtype);
  }
  bool shares_scale() const override { return codec_->shares_scale(); }
  std::unique_ptr<Codec> frozen(std::span<const float> values, const BlockShape& shape, Dtype dtype) const override {
    auto frozen = codec_->frozen(values, shape, dtype);
    return frozen ? std::make_unique<WrongCodec>(std::move(frozen), fault_) : nullptr;
  }

 private:
  // Values moved down by half a step round to what truncation gives.
  void lower(EncodedBlock& block, std::span<const float> values) const {
    const std::vector<int32_t> codes = codec_->codes(block);
    std::vector<float> decoded(values.size());
    codec_->decode(block, 0, decoded);
    std::vector<float> moved(values.begin(), values.end());
    const float step = block.scale.empty() ? 0.0f : block.scale.front();
    for (size_t i = 1; i + 1 < moved.size(); ++i) {
      if (decoded[i] > values[i] && codes[i] > 0) moved[i] = decoded[i] - step;
    }
    EncodedBlock other = codec_->encode(moved, block.shape, block.dtype);
    block.packed = std::move(other.packed);
  }

  std::unique_ptr<Codec> codec_;
  std::string fault_;
};

}  // namespace

std::unique_ptr<Codec> with_fault(std::unique_ptr<Codec> codec, const std::string& fault) {
  if (fault.empty()) return codec;
  if (fault != "scale" && fault != "nibbles" && fault != "truncate")
    throw UserError(ExitCode::usage, "no planted fault '" + fault + "': expected scale, nibbles or truncate");
  return std::make_unique<WrongCodec>(std::move(codec), fault);
}

}  // namespace kvdiff::parity
