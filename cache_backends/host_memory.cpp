#include "cache_backends/encoded_store.h"
#include "cache_backends/error.h"
#include "cache_backends/full_precision.h"
#include "cache_backends/rotation.h"
#include "cache_backends/side_memory.h"

namespace kvdiff {
namespace {

const EncodedBlock& block_of(const Encoded& encoded) { return static_cast<const HostEncoded&>(encoded).block; }

struct HostTotals final : EncodingTotals {
  explicit HostTotals(const EncodingErrors& of) : errors(of) {}
  EncodingErrors read() const override { return errors; }
  const EncodingErrors errors;
};

class HostMemory final : public SideMemory {
 public:
  Floats floats(int64_t count) const override { return std::make_shared_for_overwrite<float[]>(static_cast<size_t>(count)); }
  Floats rotated(std::span<const float> values, int64_t block, Dtype dtype) const override {
    Floats out = floats(static_cast<int64_t>(values.size()));
    const std::vector<float> turned = kvdiff::rotated(values, block, dtype);
    std::copy(turned.begin(), turned.end(), out.get());
    return out;
  }
  std::shared_ptr<FullStore> full_store(const BlockShape& room, Dtype dtype) const override {
    return std::make_shared<FullPrecisionStore>(room, dtype);
  }
  std::unique_ptr<Codec> frozen(const Codec& codec, std::span<const float> values, const BlockShape& shape,
                                Dtype dtype) const override {
    return codec.frozen(values, shape, dtype);
  }
  void gather(const TokenRun& run, const BlockShape& row, int64_t first, int64_t count, const Gathered& to) const override {
    if (to.token_apart != 1 && count != 1) throw InternalError("the host gathers tokens side by side");
    kvdiff::gather(run, row, first, count, to.row_apart, to.out);
  }
  std::unique_ptr<Encoded> encode(const SharedCodec& codec, std::span<const float> values, const BlockShape& shape,
                                  Dtype dtype) const override {
    return std::make_unique<HostEncoded>(codec->encode(values, shape, dtype));
  }
  SharedTotals judged(const SharedTotals& before, const SharedCodec& codec, std::span<const float> values,
                      const Encoded& encoded, int64_t) const override {
    EncodingErrors errors = before ? before->read() : EncodingErrors{};
    errors.add(encoding_error(*codec, values, block_of(encoded)));
    return totals(errors);
  }
  SharedTotals totals(const EncodingErrors& errors) const override { return std::make_shared<HostTotals>(errors); }
  std::shared_ptr<const TokenStore> block_store(const SharedCodec& codec, std::unique_ptr<Encoded> encoded) const override {
    return std::make_shared<BlockStore>(codec, std::move(static_cast<HostEncoded&>(*encoded).block));
  }
  std::shared_ptr<TokenRoom> token_room(const SharedCodec& codec, const Encoded& sample, int64_t,
                                        int64_t capacity) const override {
    return std::make_shared<UnitStore>(codec, block_of(sample), capacity);
  }
};

}  // namespace

const SideMemory& host_memory() {
  static const HostMemory memory;
  return memory;
}

}  // namespace kvdiff
