#include "tests/parity/watched_codec.h"

#include "tests/parity/codec_wrapper.h"

namespace kvdiff::parity {
namespace {

class WatchedCodec : public CodecWrapper {
 public:
  WatchedCodec(std::unique_ptr<Codec> codec, std::shared_ptr<Encoded> encoded)
      : CodecWrapper(std::move(codec)), encoded_(std::move(encoded)) {}

  EncodedBlock encode(std::span<const float> values, const BlockShape& shape, Dtype dtype) const override {
    EncodedBlock block = CodecWrapper::encode(values, shape, dtype);
    encoded_->packed.insert(encoded_->packed.end(), block.packed.begin(), block.packed.end());
    return block;
  }
  std::unique_ptr<Codec> frozen(std::span<const float> values, const BlockShape& shape, Dtype dtype) const override {
    auto frozen = inner().frozen(values, shape, dtype);
    return frozen ? watched(std::move(frozen), encoded_) : nullptr;
  }

 private:
  std::shared_ptr<Encoded> encoded_;
};

}  // namespace

std::unique_ptr<Codec> watched(std::unique_ptr<Codec> codec, std::shared_ptr<Encoded> encoded) {
  return std::make_unique<WatchedCodec>(std::move(codec), std::move(encoded));
}

}  // namespace kvdiff::parity
