#include "tests/parity/watched_codec.h"

namespace kvdiff::parity {
namespace {

class WatchedCodec : public Codec {
 public:
  WatchedCodec(std::unique_ptr<Codec> codec, std::shared_ptr<Encoded> encoded)
      : codec_(std::move(codec)), encoded_(std::move(encoded)) {}

  EncodedBlock encode(std::span<const float> values, const BlockShape& shape, Dtype dtype) const override {
    EncodedBlock block = codec_->encode(values, shape, dtype);
    encoded_->packed.insert(encoded_->packed.end(), block.packed.begin(), block.packed.end());
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
    return frozen ? watched(std::move(frozen), encoded_) : nullptr;
  }
  Bytes shared_bytes() const override { return codec_->shared_bytes(); }
  PeerVerdict peer_verdict(const BlockShape& shape) const override { return codec_->peer_verdict(shape); }

 private:
  std::unique_ptr<Codec> codec_;
  std::shared_ptr<Encoded> encoded_;
};

}  // namespace

std::unique_ptr<Codec> watched(std::unique_ptr<Codec> codec, std::shared_ptr<Encoded> encoded) {
  return std::make_unique<WatchedCodec>(std::move(codec), std::move(encoded));
}

}  // namespace kvdiff::parity
