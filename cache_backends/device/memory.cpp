#include "cache_backends/device/memory.h"

#include <algorithm>

#include "cache_backends/device/encoded_arrays.h"
#include "cache_backends/device/encoding_totals.h"
#include "cache_backends/device/launch.h"
#include "cache_backends/device/plain_store.h"
#include "cache_backends/device/rotate.h"
#include "cache_backends/device/unit_store.h"
#include "cache_backends/error.h"
#include "cache_backends/token_run.h"

namespace kvdiff::device {
Floats DeviceMemory::floats(int64_t count) const {
  auto array = std::make_shared<Array<float>>(device_, count);
  return Floats(array, array->data());
}

Floats DeviceMemory::rotated(std::span<const float> values, int64_t block, Dtype dtype) const {
  Floats out = floats(static_cast<int64_t>(values.size()));
  device_.copy(out.get(), values.data(), static_cast<int64_t>(values.size_bytes()));
  rotate(device_, {out.get(), values.size()}, block, dtype);
  return out;
}

std::shared_ptr<FullStore> DeviceMemory::full_store(const BlockShape& room, Dtype dtype) const {
  return std::make_shared<PlainStore>(device_, room, dtype);
}

const DeviceCodec& DeviceMemory::twin(const SharedCodec& codec) const {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const DeviceCodec>& known = twins_[codec];
  if (!known) known = codec->on_device();
  if (!known) throw InternalError("a codec without kernels in a cache of a device");
  return *known;
}

std::unique_ptr<Codec> DeviceMemory::frozen(const Codec& codec, std::span<const float> values, const BlockShape& shape,
                                            Dtype) const {
  const auto own = codec.on_device();
  return own ? own->frozen(device_, values, shape) : nullptr;
}

std::unique_ptr<Encoded> DeviceMemory::encode(const SharedCodec& codec, std::span<const float> values, const BlockShape& shape,
                                              Dtype dtype) const {
  return std::make_unique<DeviceEncoded>(twin(codec).encode(device_, values, shape, dtype));
}

SharedTotals DeviceMemory::judged(const SharedTotals& before, const SharedCodec& codec, std::span<const float> values,
                                  const Encoded& encoded, int64_t units) const {
  return judged_on(device_, before, {twin(codec), values, arrays_of(encoded), units});
}

SharedTotals DeviceMemory::totals(const EncodingErrors& errors) const { return totals_on(device_, errors); }

// A launch per segment; of reordered segments one per sequence.
void DeviceMemory::gather(const TokenRun& run, const BlockShape& row, int64_t first, int64_t count, const Gathered& to) const {
  const int64_t rows = row.batch * row.heads, end = (rows - 1) * to.row_apart + (count - 1) * to.token_apart + 1;
  const Span<float> out(to.out, end * row.head_size);
  int64_t position = 0;
  for (const kvdiff::Segment& segment : run.segments()) {
    const int64_t begin = std::max(first, position), stop = std::min(first + count, position + segment.count);
    const int64_t from = segment.first + begin - position, at = (begin - first) * to.token_apart;
    position += segment.count;
    if (begin >= stop) continue;
    std::visit([&](const auto& values) {
      using Own = std::remove_cvref_t<decltype(values)>;
      const auto take = [&](int64_t from_row, int64_t to_row, int64_t taken) {
        launch<Decode<Own>>(device_, {values, out, from_row, taken, from, stop - begin, row.head_size, to.row_apart, to.token_apart,
                                      at + to_row * to.row_apart});
      };
      if (!segment.rows) return take(0, 0, rows);
      for (int64_t i = 0; i < row.batch; ++i) take((*segment.rows)[static_cast<size_t>(i)] * row.heads, i * row.heads, row.heads);
    }, dynamic_cast<const DeviceStore&>(*segment.store).format());
  }
}

std::shared_ptr<const TokenStore> DeviceMemory::block_store(const SharedCodec& codec, std::unique_ptr<Encoded> encoded) const {
  EncodedArrays arrays = std::move(static_cast<DeviceEncoded&>(*encoded).arrays);
  return std::make_shared<DeviceBlockStore>(device_, codec, twin(codec), std::move(arrays));
}

std::shared_ptr<TokenRoom> DeviceMemory::token_room(const SharedCodec& codec, const Encoded& sample, int64_t units,
                                                    int64_t capacity) const {
  return std::make_shared<DeviceUnitStore>(device_, codec, twin(codec), arrays_of(sample), units, capacity);
}

}  // namespace kvdiff::device
