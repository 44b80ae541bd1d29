#include "harness/run/plain_attention.h"

#include <algorithm>
#include <memory>

namespace kvdiff {
namespace {

constexpr int64_t rows_per_task = 64;

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
  const KvPages pages{{std::make_shared<PlainPage>(rows.key, shape)},
                      {std::make_shared<PlainPage>(rows.value, shape)}, rows.rows, false, false};
  const int64_t blocks = (rows.rows + rows_per_task - 1) / rows_per_task, row = shape.heads * shape.head_size;
  engine_.pool.run(blocks * shape.kv_heads, [&](int64_t task, int worker) {
    const int64_t begin = task / shape.kv_heads * rows_per_task;
    attend_rows(shape, pages,
                {rows.query.data() + begin * row, std::min(rows_per_task, rows.rows - begin), begin + 1},
                task % shape.kv_heads, engine_.scratch[static_cast<size_t>(worker)], out.data() + begin * row);
  });
}

}  // namespace kvdiff
