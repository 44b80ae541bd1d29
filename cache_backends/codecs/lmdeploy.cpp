#include "cache_backends/codecs/lmdeploy.h"

#include "cache_backends/codecs/affine.h"

namespace kvdiff {
namespace {

class LmdeployCodec : public AffineCodec {
 public:
  explicit LmdeployCodec(int bits) : AffineCodec(AffineForm::zero, bits, bits == 4) {}
  std::shared_ptr<const device::DeviceCodec> on_device() const override {
    return placed_on_device(bits() == 8 ? device::AffineKind::bytes : device::AffineKind::nibbles);
  }

 protected:
  int64_t row_bytes(const BlockShape& shape) const { return bits() == 8 ? shape.head_size : (shape.head_size + 1) / 2; }
  int64_t groups(const BlockShape& shape) const override { return shape.batch * shape.heads * shape.tokens; }
  int64_t packed_bytes(const BlockShape& shape) const override { return groups(shape) * row_bytes(shape); }
  Run run_at(const BlockShape& shape, int64_t element) const override {
    const int64_t row = element / shape.head_size, column = element % shape.head_size, half = row_bytes(shape);
    const bool high = column >= half;
    const int64_t byte = row * half + (high ? column - half : column);
    return {(high ? shape.head_size : half) - column, 8 * byte + (high ? 4 : 0), 8, row, 0};
  }
};

}  // namespace

std::unique_ptr<Codec> make_lmdeploy(int bits) { return std::make_unique<LmdeployCodec>(bits); }

}  // namespace kvdiff
