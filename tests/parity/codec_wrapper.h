#pragma once
#include <memory>
#include <utility>

#include "cache_backends/codec.h"

namespace kvdiff::parity {

// Another codec behind it: what a fault does not touch.
class CodecWrapper : public Codec {
 public:
  explicit CodecWrapper(std::unique_ptr<Codec> codec) : codec_(std::move(codec)) {}
  EncodedBlock encode(std::span<const float> values, const BlockShape& shape, Dtype dtype) const override {
    return codec_->encode(values, shape, dtype);
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

 private:
  std::unique_ptr<Codec> codec_;
};

}  // namespace kvdiff::parity
