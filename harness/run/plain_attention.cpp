#include "harness/run/plain_attention.h"

#include <algorithm>
#include <memory>

namespace kvdiff {
namespace {

// K or V of this very pass, [tokens, H, D].
class PlainPage final : public KvPage {
 public:
  PlainPage(std::span<const float> rows, const AttentionShape& shape) : rows_(rows), shape_(shape) {}
  int64_t tokens() const override { return static_cast<int64_t>(rows_.size()) / width(); }
  bool quantized() const override { return false; }
  void decode(int64_t, int64_t head, int64_t first, int64_t count, float* out) const override {
    for (int64_t t = 0; t < count; ++t)
      std::copy_n(rows_.data() + (first + t) * width() + head * shape_.head_size, shape_.head_size,
                  out + t * shape_.head_size);
  }

 private:
  int64_t width() const { return shape_.kv_heads * shape_.head_size; }
  std::span<const float> rows_;
  const AttentionShape& shape_;
};

}  // namespace

void PlainAttention::attend(int, const LayerRows& rows, std::span<float> out) {
  const AttentionShape& shape = engine_.model.shape().attention;
  KvPages pages{{std::make_shared<PlainPage>(rows.key, shape)}, {std::make_shared<PlainPage>(rows.value, shape)}, rows.rows, false, false};
  std::unique_ptr<KvCache> cache;
  if (engine_.compute.device()) {  // pages that its kernels can read
    CacheShape one = engine_.model.shape().cache();
    one.layers = 1;
    cache = make_cache(parse_cache_spec("full"), one, engine_.compute.memory());
    append_rows(engine_.compute, *cache, 0, rows);
    pages = cache->pages(0);
  }
  const QueryRows job{&pages, rows.query.data(), rows.rows, 1, out.data()};
  engine_.compute.attend_rows(shape, {&job, 1});
}

}  // namespace kvdiff
