#include "cache_backends/codecs/kivi.h"

#include <fmt/format.h>

#include <algorithm>

#include "cache_backends/codecs/affine.h"
#include "cache_backends/codecs/spec_values.h"

namespace kvdiff {
namespace {

class KiviCodec : public AffineCodec {
 public:
  KiviCodec(int bits, int64_t group, Side side)
      : AffineCodec(AffineForm::minimum, bits), group_(group), by_channel_(side == Side::key) {}
  bool shares_scale() const override { return by_channel_; }
  PeerVerdict peer_verdict(const BlockShape& shape) const override;
  std::shared_ptr<const device::DeviceCodec> on_device() const override {
    return placed_on_device(by_channel_ ? device::AffineKind::tokens : device::AffineKind::heads, group_);
  }

 protected:
  // Rows along which codes are packed and groups lie: [B, H, D] of tokens for keys, [B, H, S] of channels for values.
  int64_t length(const BlockShape& shape) const { return by_channel_ ? shape.tokens : shape.head_size; }
  int64_t rows(const BlockShape& shape) const { return shape.elements() / std::max<int64_t>(length(shape), 1); }
  int64_t row_groups(const BlockShape& shape) const { return (length(shape) + group_ - 1) / group_; }
  int64_t row_bytes(const BlockShape& shape) const { return (length(shape) * bits() + 7) / 8; }
  int64_t groups(const BlockShape& shape) const override { return rows(shape) * row_groups(shape); }
  int64_t packed_bytes(const BlockShape& shape) const override { return rows(shape) * row_bytes(shape); }
  Run run_at(const BlockShape& shape, int64_t element) const override;

 private:
  int64_t group_;
  bool by_channel_;
};

AffineCodec::Run KiviCodec::run_at(const BlockShape& shape, int64_t element) const {
  const int64_t channels = shape.head_size, channel = element % channels, row = element / channels;
  const int64_t bytes = row_bytes(shape), groups = row_groups(shape);
  if (!by_channel_) {
    const int64_t in_group = channel % group_;
    return {std::min(group_ - in_group, channels - channel), 8 * row * bytes + bits() * channel, bits(),
            row * groups + channel / group_, 0};
  }
  const int64_t token = row % shape.tokens, first = row / shape.tokens * channels + channel;
  return {channels - channel, 8 * first * bytes + bits() * token, 8 * bytes, first * groups + token / group_, groups};
}

PeerVerdict KiviCodec::peer_verdict(const BlockShape& shape) const {
  PeerVerdict verdict;
  if (length(shape) % group_ == 0) return verdict;
  verdict.raises = true;
  verdict.exception = "AssertionError";
  verdict.message = fmt::format("KIVI asserts that groups of {} divide the {} {} that are packed together", group_,
                                length(shape), by_channel_ ? "tokens" : "channels");
  return verdict;
}

}  // namespace

std::vector<SpecKey> kivi_keys() {
  return {
      {"bits", "4", "bits per code", {"2", "4"}},
      {"group", "32", "keys: tokens of one channel that share a scale; values: channels of one token", {}},
  };
}

std::unique_ptr<Codec> make_kivi(const SideSpec& spec, Side side) {
  const auto keys = kivi_keys();
  return std::make_unique<KiviCodec>(static_cast<int>(integer_value(spec, keys, "bits")),
                                     integer_value(spec, keys, "group"), side);
}

}  // namespace kvdiff
