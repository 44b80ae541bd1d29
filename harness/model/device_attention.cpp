#include "harness/model/device_attention.h"

#include <algorithm>

#include "cache_backends/device/rotate.h"
#include "cache_backends/error.h"
#include "cache_backends/token_run.h"

namespace kvdiff {

using namespace device;

std::vector<DeviceAttention::Part> DeviceAttention::parts(const Pages& pages, int64_t tokens) const {
  std::vector<Part> found;
  int64_t position = 0;
  for (const auto& page : pages) {
    if (!page->run()) throw InternalError("a page that the kernels of a device cannot read");
    for (const kvdiff::Segment& segment : page->run()->segments()) {
      const auto* store = dynamic_cast<const DeviceStore*>(segment.store.get());
      if (!store) throw InternalError("tokens of the host in a cache of a device");
      const int64_t sequence = segment.rows ? segment.rows->front() : 0, count = std::min(segment.count, tokens - position);
      if (count > 0) found.push_back({store->format(), {segment.first, count, position, sequence * shape_.kv_heads}});
      position += segment.count;
    }
  }
  return found;
}

void DeviceAttention::run(const QueryRows& rows, float* logits, float* probs) const {
  const int64_t stride = rows.first_visible + rows.rows - 1;
  const AttentionRows over{rows.rows, shape_.heads, shape_.kv_heads, shape_.head_size, stride, rows.first_visible};
  const int64_t maps = rows.rows * shape_.heads * stride;
  score(rows, over, logits);
  launch<AttentionSoftmax>(device_, {{logits, maps}, {probs, maps}, over, shape_.scale, shape_.dtype, shape_.eager});
  weigh(rows, over, probs);
}

void DeviceAttention::score(const QueryRows& rows, const AttentionRows& over, float* logits) const {
  const int64_t size = rows.rows * shape_.heads * shape_.head_size, block = rows.pages->key_rotation;
  const Array<float> turned(device_, block > 0 ? size : 0);
  const float* query = rows.query;
  if (block > 0) {
    device_.copy(turned.data(), rows.query, turned.bytes());
    device::rotate(device_, turned.span(), block);
    query = turned.data();
  }
  for (const Part& part : parts(rows.pages->key, over.stride))
    std::visit([&](const auto& keys) {
      using Keys = std::remove_cvref_t<decltype(keys)>;
      launch<Scores<Keys>>(device_, {keys, {query, size}, {logits, rows.rows * shape_.heads * over.stride}, over, part.segment,
                                     shape_.eager ? 1.0f : shape_.scale});
    }, part.format);
}

void DeviceAttention::weigh(const QueryRows& rows, const AttentionRows& over, const float* probs) const {
  const int64_t size = rows.rows * shape_.heads * shape_.head_size, chunks = blocks_for(over.stride, device::reduction_chunk);
  const Array<float> sums(device_, chunks * size);
  for (const Part& part : parts(rows.pages->value, over.stride))
    std::visit([&](const auto& values) {
      using Read = std::remove_cvref_t<decltype(values)>;
      launch<Weigh<Read>>(device_, {values, {probs, rows.rows * shape_.heads * over.stride}, span(sums), over, part.segment});
    }, part.format);
  const int64_t block = rows.pages->value_rotation;
  launch<JoinChunks>(device_, {constant(sums), {rows.out, size}, over, block > 0 ? Dtype::float32 : shape_.dtype});
  if (block > 0) device::rotate(device_, {rows.out, static_cast<size_t>(size)}, block, shape_.dtype);
}

void DeviceAttention::decode(const KvPages& pages, Side side, int64_t first, int64_t count, float* out) const {
  const int64_t size = shape_.head_size;
  for (const Part& part : parts(side == Side::key ? pages.key : pages.value, first + count)) {
    const device::Segment& s = part.segment;
    const int64_t begin = std::max(first, s.position), end = std::min(first + count, s.position + s.count);
    if (begin >= end) continue;
    std::visit([&](const auto& values) {
      using Read = std::remove_cvref_t<decltype(values)>;
      launch<Decode<Read>>(device_, {values, {out, shape_.kv_heads * count * size}, s.row0, shape_.kv_heads,
                                     s.first + begin - s.position, end - begin, size, count, 1, begin - first});
    }, part.format);
  }
  if (pages.rotation(side) > 0) device::rotate(device_, {out, static_cast<size_t>(shape_.kv_heads * count * size)}, pages.rotation(side));
}

}  // namespace kvdiff
